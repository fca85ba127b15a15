// The window branch alone, for one position: a workgroup per KV head, chunk of its query heads, and run of WINDOW_RUN ring
// rows. attend_keys.wgsl does the work; merge_window.wgsl joins the runs. The ring's rows are the window, in any order.
//
// q f32 [Hq, d]; ring_k, ring_v 16-bit [Hkv, w, d]; partial f32 [Hkv, JOBS, G, d]; sums (m, l) f32 [Hkv, JOBS, G].

@group(0) @binding(1) var<storage, read> q: array<vec4<f32>>;
@group(0) @binding(2) var<storage, read> ring_k: array<Piece>;
@group(0) @binding(3) var<storage, read> ring_v: array<Piece>;
@group(0) @binding(4) var<storage, read_write> partial: array<vec4<f32>>;
@group(0) @binding(5) var<storage, read_write> sums: array<vec2<f32>>;

fn query_at(head: u32, quad: u32) -> vec4<f32> { return q[head * DIM_QUADS + quad]; }

fn load_keys(places: array<u32, KEYS_EACH * QUERY_PIECES>) -> array<Piece, KEYS_EACH * QUERY_PIECES> {
  var pieces: array<Piece, KEYS_EACH * QUERY_PIECES>;
  for (var i = 0u; i < KEYS_EACH * QUERY_PIECES; i++) { pieces[i] = ring_k[places[i]]; }
  return pieces;
}

fn load_values(places: array<u32, VALUES_EACH>) -> array<Piece, VALUES_EACH> {
  var pieces: array<Piece, VALUES_EACH>;
  for (var i = 0u; i < VALUES_EACH; i++) { pieces[i] = ring_v[places[i]]; }
  return pieces;
}

@compute @workgroup_size(WIDTH)
fn main(@builtin(workgroup_id) group: vec3<u32>, @builtin(local_invocation_index) lane: u32) {
  let chunk = group.z * HEADS_HERE;
  let heads = GROUP - chunk;
  let first = group.x * WINDOW_RUN;
  let end = min(first + WINDOW_RUN, min(params.ring, params.keys));
  var state: Attending;
  begin(&state, group.y * GROUP + chunk, heads, lane);
  for (var key = first; key < end; key += TILE) {
    attend(&state, Tile(group.y * params.ring + key, min(end - key, TILE), 0u), lane);
  }
  finish(&state, (group.y * JOBS + group.x) * GROUP + chunk, heads, lane);
}
