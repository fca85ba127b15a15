// What matrix_softmax.wgsl attends to in full attention: every key of the cache up to the query's own.

@group(0) @binding(1) var<storage, read> q: array<vec4<f32>>;
@group(0) @binding(2) var<storage, read> k: array<vec4<u32>>;
@group(0) @binding(3) var<storage, read> v: array<vec4<u32>>;
@group(0) @binding(4) var<storage, read_write> out: array<vec4<f32>>;

/// Every query sees what it sees without a gap.
const FIRST = 0u;
fn skipped_before(position: u32) -> u32 { return 0u; }

/// The first key that a query at `position` sees.
fn first_key(position: u32) -> u32 { return 0u; }

/// What a row's sink adds to its sum of weights.
fn sink_weight(head: u32, row: u32, reference: f32) -> f32 { return 0.0; }

/// Where vector e of a tile that begins with key `begin` lies in a head's cache; keys behind `last` repeat it.
fn cache_at(head: u32, begin: u32, last: u32, e: u32) -> u32 {
  return (head * params.room + min(begin + e / OCTETS, last)) * OCTETS + e % OCTETS;
}

fn fetch_keys(head: u32, begin: u32, last: u32, lane: u32) -> Fetched {
  var fetched: Fetched;
  for (var i = 0u; i < LOADS; i++) { fetched[i] = k[cache_at(head, begin, last, min(i * THREADS + lane, TILE - 1u))]; }
  return fetched;
}

fn fetch_values(head: u32, begin: u32, last: u32, lane: u32) -> Fetched {
  var fetched: Fetched;
  for (var i = 0u; i < LOADS; i++) { fetched[i] = v[cache_at(head, begin, last, min(i * THREADS + lane, TILE - 1u))]; }
  return fetched;
}
