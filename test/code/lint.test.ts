import { checkedBy } from "./checks.ts";

checkedBy("lint");
