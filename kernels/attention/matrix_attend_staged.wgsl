// Keys and values by way of workgroup memory: see matrix_attend_keys.wgsl. There may be no key at all.
fn attend(
  o: ptr<function, Outputs>, head: u32, heads: u32, base: u32, begin: u32, end: u32, lane: u32,
) {
  let last = base + max(end, 1u) - 1u;
  let keys = fetch_keys(base + begin, last, lane);
  let values = fetch_values(base + begin, last, lane);
  stage_queries(head, heads, lane);
  var query = Queries();
  if (HELD) {
    workgroupBarrier();
    hold_queries(&query);
  }
  if (begin < end) { attend_staged(o, &query, keys, values, base, begin, end, true, lane); }
}
