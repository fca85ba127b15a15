import { checkedBy } from "./checks.ts";

checkedBy("typecheck");
