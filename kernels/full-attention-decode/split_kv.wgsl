// Full attention of one position, split over the keys: one workgroup per KV head, chunk of its query heads, and split of
// `tiles_each` tiles. attend_keys.wgsl does the work; this file says which keys, and merge_splits.wgsl joins the splits.
//
// A tile is TILE_BLOCKS whole blocks; where one block is longer than TILE, it is TILE_PARTS tiles of TILE_STRIDE keys.
//
// q f32 [Hq, d]; k, v 16-bit [Hkv, room, d]; partial f32 [Hkv, splits, G, d]; sums (m, l) f32 [Hkv, splits, G].

@group(0) @binding(1) var<storage, read> q: array<vec4<f32>>;
@group(0) @binding(2) var<storage, read> k: array<Piece>;
@group(0) @binding(3) var<storage, read> v: array<Piece>;
@group(0) @binding(4) var<storage, read_write> partial: array<vec4<f32>>;
@group(0) @binding(5) var<storage, read_write> sums: array<vec2<f32>>;

/** For `tile_seen`. */
var<private> own_kv_head: u32;
var<private> first_head: u32;

fn query_at(head: u32, quad: u32) -> vec4<f32> { return q[head * DIM_QUADS + quad]; }

fn load_keys(places: array<u32, KEYS_EACH * QUERY_PIECES>) -> array<Piece, KEYS_EACH * QUERY_PIECES> {
  var pieces: array<Piece, KEYS_EACH * QUERY_PIECES>;
  for (var i = 0u; i < KEYS_EACH * QUERY_PIECES; i++) { pieces[i] = k[places[i]]; }
  return pieces;
}

fn load_values(places: array<u32, VALUES_EACH>) -> array<Piece, VALUES_EACH> {
  var pieces: array<Piece, VALUES_EACH>;
  for (var i = 0u; i < VALUES_EACH; i++) { pieces[i] = v[places[i]]; }
  return pieces;
}

fn tile_at(part: u32, kv_head: u32) -> Tile {
  let block = part / TILE_PARTS * TILE_BLOCKS;
  let first = block * BLOCK + part % TILE_PARTS * TILE_STRIDE;
  let end = min(min(first + TILE_STRIDE, (block + TILE_BLOCKS) * BLOCK), params.keys);
  return Tile(kv_head * params.room + first, end - first, part);
}

@compute @workgroup_size(WIDTH)
fn main(@builtin(workgroup_id) group: vec3<u32>, @builtin(local_invocation_index) lane: u32) {
  let kv_head = group.y;
  let chunk = group.z * HEADS_HERE;
  let heads = GROUP - chunk;
  own_kv_head = kv_head;
  first_head = chunk;
  var state: Attending;
  begin(&state, kv_head * GROUP + chunk, heads, lane);
  let first = group.x * params.tiles_each;
  for (var part = first; part < min(first + params.tiles_each, params.tiles); part++) {
    attend(&state, tile_at(part, kv_head), lane);
  }
  finish(&state, (kv_head * params.splits + group.x) * GROUP + chunk, heads, lane);
}
