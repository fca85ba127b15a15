// Puts the partial results of a query's blocks and its sink together: out = sum_i w_i o_i / (sum_i w_i + w_sink), where
// w_i = exp2(s_i - m), s_i the partial's log2 of its sum of exponentials, m the largest of them and the sink's.
//
//  1. an invocation has eight columns of one (query, head); it counts the used slots and finds m;
//  2. it reads the partials four at a time, so that four reads are under way. Past the last one, and for parts of the
//     query's own block that lie wholly after it, which nobody wrote, it reads the first one again with weight 0.
//
// partials [C, lists, slots, PARTS, G, d rounded up to 8], 16 bit or f32; log_sums f32 [C, lists, slots, PARTS, G];
// blocks u32 [>= first_row + C, lists, slots]; sinks f32 [Hq]; out f32 [C, Hq, d].

@group(0) @binding(1) var<storage, read> partials: array<vec4<u32>>;
@group(0) @binding(2) var<storage, read> log_sums: array<f32>;
@group(0) @binding(3) var<storage, read> blocks: array<u32>;
@group(0) @binding(4) var<storage, read> sinks: array<f32>;
@group(0) @binding(5) var<storage, read_write> out: array<vec4<f32>>;

const D4 = HEAD_DIM / 4u;
const D8 = (HEAD_DIM + 7u) / 8u;
const NO_BLOCK = 0xffffffffu;
const LOG2_E = 1.4426950408889634;
/** Below every logit and finite, so that a sink of minus infinity weighs nothing and makes no NaN. */
const LOWEST = -1e30;

@compute @workgroup_size(WIDTH)
fn main(@builtin(workgroup_id) group: vec3<u32>, @builtin(local_invocation_index) lane: u32) {
  let i = (group.y * params.stride + group.x) * WIDTH + lane;
  let d8 = i % D8;
  let head = i / D8 % (LISTS * GROUP);
  let row = i / (D8 * LISTS * GROUP);
  if (row >= params.rows) { return; }
  let list = head / GROUP;
  let position = params.start + row;
  let chosen = ((params.first_row + row) * LISTS + list) * SLOTS;
  let first = (row * LISTS + list) * SLOTS * PARTS * GROUP + head % GROUP;

  let sink = max(sinks[head] * LOG2_E, LOWEST);
  var most = sink;
  var used = 0u;
  for (; used < SLOTS; used++) {
    let block = blocks[chosen + used];
    if (block == NO_BLOCK) { break; }
    for (var part = 0u; part < PARTS; part++) {
      if (part == 0u || block * BLOCK + part * KEYS <= position) {
        most = max(most, log_sums[first + (used * PARTS + part) * GROUP]);
      }
    }
  }

  var total = exp2(sink - most);
  var low = vec4<f32>(0.0);
  var high = vec4<f32>(0.0);
  for (var entry = 0u; entry < used * PARTS; entry += 4u) {
    for (var n = 0u; n < 4u; n++) {
      var written = entry + n < used * PARTS;
      if (PARTS > 1u && written) {
        let part = (entry + n) % PARTS;
        written = part == 0u || blocks[chosen + (entry + n) / PARTS] * BLOCK + part * KEYS <= position;
      }
      let at = first + select(0u, entry + n, written) * GROUP;
      let weight = select(0.0, exp2(log_sums[at] - most), written);
      total += weight;
      if (WIDE_PARTIALS) {
        low += weight * bitcast<vec4<f32>>(partials[(at * D8 + d8) * 2u]);
        high += weight * bitcast<vec4<f32>>(partials[(at * D8 + d8) * 2u + 1u]);
      } else {
        let value = partials[at * D8 + d8];
        low += weight * widen(value.xy);
        high += weight * widen(value.zw);
      }
    }
  }
  let at = (row * LISTS * GROUP + head) * D4 + d8 * 2u;
  out[at] = low / total;
  if (d8 * 2u + 1u < D4) { out[at + 1u] = high / total; }
}
