import { z } from "zod";

// The page's content security policy forbids code made from strings, which zod would try for speed. It looks when a
// schema is made, so this file is imported before any that makes one.
z.config({ jitless: true });
