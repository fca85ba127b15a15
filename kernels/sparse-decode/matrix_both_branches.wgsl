// Both branches of a sparse layer for one position on matrix units, in one dispatch: a workgroup per KV head, 16 of its
// query heads, and BLOCK_RUN keys of a selected block (jobs 0 .. SLOTS * BLOCK_PARTS - 1) or run of WINDOW_RUN ring rows
// (the jobs after). matrix_attend_keys.wgsl does the work; merge_branches.wgsl joins each branch. The window needs no
// positions: the ring's rows are the window, in any order.
//
// q f32 [Hq, d]; k, v 16-bit [Hkv, room, d]; ring_k, ring_v 16-bit [Hkv, w, d]; blocks u32 [.., Hkv, SLOTS];
// partial f32 [Hkv, JOBS, G, d]; sums (m, l) f32 [Hkv, JOBS, G].

@group(0) @binding(1) var<storage, read> q: array<vec4<f32>>;
@group(0) @binding(2) var<storage, read> k: array<vec4<u32>>;
@group(0) @binding(3) var<storage, read> v: array<vec4<u32>>;
@group(0) @binding(4) var<storage, read> ring_k: array<vec4<u32>>;
@group(0) @binding(5) var<storage, read> ring_v: array<vec4<u32>>;
@group(0) @binding(6) var<storage, read> blocks: array<u32>;
@group(0) @binding(7) var<storage, read_write> partial: array<vec4<f32>>;
@group(0) @binding(8) var<storage, read_write> sums: array<vec2<f32>>;

const NO_BLOCK = 0xffffffffu;

var<private> in_ring: bool;

fn query_at(head: u32, quad: u32) -> vec4<f32> { return q[head * DIM_QUADS + quad]; }

fn fetch_keys(begin: u32, last: u32, lane: u32) -> Fetched {
  if (in_ring) { return fetch(&ring_k, begin, last, lane); }
  return fetch(&k, begin, last, lane);
}

fn fetch_values(begin: u32, last: u32, lane: u32) -> Fetched {
  if (in_ring) { return fetch(&ring_v, begin, last, lane); }
  return fetch(&v, begin, last, lane);
}

@compute @workgroup_size(THREADS)
fn main(@builtin(workgroup_id) group: vec3<u32>, @builtin(local_invocation_index) lane: u32) {
  let kv_head = group.y;
  let chunk = group.z * 16u;
  let heads = min(GROUP - chunk, 16u);
  var first = 0u;
  var end = 0u;
  var base = kv_head * params.room;
  let of_window = group.x >= SLOTS * BLOCK_PARTS;
  in_ring = of_window;
  if (of_window) {
    base = kv_head * params.ring;
    first = (group.x - SLOTS * BLOCK_PARTS) * WINDOW_RUN;
    end = min(first + WINDOW_RUN, min(params.ring, params.keys));
  } else {
    let block = blocks[(params.selection_row * KV_HEADS + kv_head) * SLOTS + group.x / BLOCK_PARTS];
    if (block != NO_BLOCK) {
      first = block * BLOCK + group.x % BLOCK_PARTS * BLOCK_RUN;
      end = min(min(first + BLOCK_RUN, (block + 1u) * BLOCK), params.keys);
    }
  }
  var o = Outputs();
  attend(&o, kv_head * GROUP + chunk, heads, base, first, end, lane);
  finish(&o, (kv_head * JOBS + group.x) * GROUP + chunk, heads, lane);
}
