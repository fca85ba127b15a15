// What merge_splits.wgsl does and, by workgroups of its own in the same dispatch, block scores (finish_scores.wgsl): neither
// waits for the other. The first (d / 4 / MERGE_QUADS, rounded up) * Hq workgroups merge; the rest take WIDTH blocks of a KV
// head each.
//
// partial f32 [Hkv, splits, G, d], sums f32 [Hkv, splits, G, 2], maxima f32 [Hkv, G, blocks * TILE_PARTS]; out f32 [Hq, d],
// scores f32 [Hkv, blocks].

@group(0) @binding(1) var<storage, read> partial: array<vec4<f32>>;
@group(0) @binding(2) var<storage, read> sums: array<vec2<f32>>;
@group(0) @binding(3) var<storage, read> maxima: array<f32>;
@group(0) @binding(4) var<storage, read_write> out: array<vec4<f32>>;
@group(0) @binding(5) var<storage, read_write> scores: array<f32>;

const WIDTH = MERGE_WIDTH;
const MERGES = (DIM_QUADS + MERGE_QUADS - 1u) / MERGE_QUADS;

@compute @workgroup_size(MERGE_WIDTH)
fn main(@builtin(workgroup_id) group: vec3<u32>, @builtin(local_invocation_index) lane: u32) {
  if (group.x < MERGES * QUERY_HEADS) {
    let head = group.x / MERGES;
    let quad = group.x % MERGES * MERGE_QUADS + lane % MERGE_QUADS;
    let first = head / GROUP * params.splits * GROUP + head % GROUP;
    let result = merge(first, params.splits, GROUP, LOWEST, quad, lane);
    if (lane < MERGE_QUADS && quad < DIM_QUADS) { out[head * DIM_QUADS + quad] = result; }
  } else {
    let job = group.x - MERGES * QUERY_HEADS;
    let each = (params.blocks + WIDTH - 1u) / WIDTH;
    finish_scores(job / each, job % each * WIDTH, params.splits, params.blocks, params.parts, lane);
  }
}
