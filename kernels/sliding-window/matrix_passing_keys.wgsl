// What attention/matrix_softmax.wgsl attends to in the window branch of a chunk: the last WINDOW keys up to the query's
// own, and the FIRST of the context, tile after tile. Keys of the chunk come from k and v, those before it from the ring (see
// ring_row.wgsl). Of the parameters, `room` is the ring's rows.
//
// q f32 [C, Hq, d]; k, v halves [Hkv, C, d]; ring_k, ring_v halves [Hkv, ring, d]; sinks f32 [Hq]; out f32 [C, Hq, d].

@group(0) @binding(1) var<storage, read> q: array<vec4<f32>>;
@group(0) @binding(2) var<storage, read> k: array<vec4<u32>>;
@group(0) @binding(3) var<storage, read> v: array<vec4<u32>>;
@group(0) @binding(4) var<storage, read> ring_k: array<vec4<u32>>;
@group(0) @binding(5) var<storage, read> ring_v: array<vec4<u32>>;
@group(0) @binding(6) var<storage, read> sinks: array<f32>;
@group(0) @binding(7) var<storage, read_write> out: array<vec4<f32>>;

const LOG2_E = 1.4426950408889634;
/// Finite, so that a sink of minus infinity makes no NaN.
const NO_SINK = -1.0e38;

/// Positions between the FIRST and the window of a query at `position`.
fn skipped_before(position: u32) -> u32 { return max(first_key(position), FIRST) - FIRST; }

/// Where the window of a query at `position` begins.
fn first_key(position: u32) -> u32 { return max(position + 1u, WINDOW) - WINDOW; }

/// What a row's sink adds to its sum of weights.
fn sink_weight(head: u32, row: u32, reference: f32) -> f32 {
  return exp2(max(sinks[head * params.group + row % params.group] * LOG2_E, NO_SINK) - reference);
}

/// Position in the text of vector e of a tile that begins with key `begin`; keys behind `last` repeat it.
fn position_of(begin: u32, last: u32, e: u32) -> u32 {
  let counted = min(begin + e / OCTETS, last);
  return select(counted + skipped, counted, counted < FIRST);
}

/// Where it lies in the chunk, and in the ring.
fn chunk_at(head: u32, position: u32, e: u32) -> u32 {
  return (head * params.rows + position - params.start) * OCTETS + e % OCTETS;
}
fn ring_at(head: u32, position: u32, e: u32) -> u32 {
  return (head * params.room + ring_row(position, params.room)) * OCTETS + e % OCTETS;
}

fn fetch_keys(head: u32, begin: u32, last: u32, lane: u32) -> Fetched {
  var fetched: Fetched;
  for (var i = 0u; i < LOADS; i++) {
    let e = min(i * THREADS + lane, TILE - 1u);
    let position = position_of(begin, last, e);
    if (position >= params.start) {
      fetched[i] = k[chunk_at(head, position, e)];
    } else {
      fetched[i] = ring_k[ring_at(head, position, e)];
    }
  }
  return fetched;
}

fn fetch_values(head: u32, begin: u32, last: u32, lane: u32) -> Fetched {
  var fetched: Fetched;
  for (var i = 0u; i < LOADS; i++) {
    let e = min(i * THREADS + lane, TILE - 1u);
    let position = position_of(begin, last, e);
    if (position >= params.start) {
      fetched[i] = v[chunk_at(head, position, e)];
    } else {
      fetched[i] = ring_v[ring_at(head, position, e)];
    }
  }
  return fetched;
}
