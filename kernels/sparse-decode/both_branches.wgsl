// Both branches of a sparse layer for one position, in one dispatch: a workgroup per KV head, chunk of its query heads, and
// selected block (jobs 0 .. SLOTS - 1) or run of WINDOW_RUN ring rows (the jobs after). attend_keys.wgsl does the work;
// merge_branches.wgsl joins each branch. The window needs no positions: the ring's rows are the window, in any order.
//
// q f32 [Hq, d]; k, v 16-bit [Hkv, room, d]; ring_k, ring_v 16-bit [Hkv, w, d]; blocks u32 [.., Hkv, SLOTS];
// partial f32 [Hkv, JOBS, G, d]; sums (m, l) f32 [Hkv, JOBS, G].

@group(0) @binding(1) var<storage, read> q: array<vec4<f32>>;
@group(0) @binding(2) var<storage, read> k: array<Piece>;
@group(0) @binding(3) var<storage, read> v: array<Piece>;
@group(0) @binding(4) var<storage, read> ring_k: array<Piece>;
@group(0) @binding(5) var<storage, read> ring_v: array<Piece>;
@group(0) @binding(6) var<storage, read> blocks: array<u32>;
@group(0) @binding(7) var<storage, read_write> partial: array<vec4<f32>>;
@group(0) @binding(8) var<storage, read_write> sums: array<vec2<f32>>;

const NO_BLOCK = 0xffffffffu;

var<private> in_ring: bool;

fn query_at(head: u32, quad: u32) -> vec4<f32> { return q[head * DIM_QUADS + quad]; }

fn load_keys(places: array<u32, KEYS_EACH * QUERY_PIECES>) -> array<Piece, KEYS_EACH * QUERY_PIECES> {
  var pieces: array<Piece, KEYS_EACH * QUERY_PIECES>;
  if (in_ring) {
    for (var i = 0u; i < KEYS_EACH * QUERY_PIECES; i++) { pieces[i] = ring_k[places[i]]; }
  } else {
    for (var i = 0u; i < KEYS_EACH * QUERY_PIECES; i++) { pieces[i] = k[places[i]]; }
  }
  return pieces;
}

fn load_values(places: array<u32, VALUES_EACH>) -> array<Piece, VALUES_EACH> {
  var pieces: array<Piece, VALUES_EACH>;
  if (in_ring) {
    for (var i = 0u; i < VALUES_EACH; i++) { pieces[i] = ring_v[places[i]]; }
  } else {
    for (var i = 0u; i < VALUES_EACH; i++) { pieces[i] = v[places[i]]; }
  }
  return pieces;
}

@compute @workgroup_size(WIDTH)
fn main(@builtin(workgroup_id) group: vec3<u32>, @builtin(local_invocation_index) lane: u32) {
  let kv_head = group.y;
  let chunk = group.z * HEADS_HERE;
  let heads = GROUP - chunk;
  var first: u32;
  var end: u32;
  var base: u32;
  if (group.x < SLOTS) {
    let block = blocks[(params.selection_row * KV_HEADS + kv_head) * SLOTS + group.x];
    base = kv_head * params.room;
    if (block != NO_BLOCK) {
      first = block * BLOCK;
      end = min(first + BLOCK, params.keys);
    }
  } else {
    base = kv_head * params.ring;
    first = (group.x - SLOTS) * WINDOW_RUN;
    end = min(first + WINDOW_RUN, min(params.ring, params.keys));
  }
  in_ring = group.x >= SLOTS;
  var state: Attending;
  begin(&state, kv_head * GROUP + chunk, heads, lane);
  for (var key = first; key < end; key += TILE) {
    attend(&state, Tile(base + key, min(end - key, TILE), 0u), lane);
  }
  finish(&state, (kv_head * JOBS + group.x) * GROUP + chunk, heads, lane);
}
