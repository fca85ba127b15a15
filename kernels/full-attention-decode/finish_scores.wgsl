// Block scores out of raw block maxima: S[h, i] = max over the heads of a group of 2^(maximum - m) / l, where (m, l) are
// the head's over all splits. One workgroup per KV head and WIDTH blocks; (m, l) is joined anew by each of them, which
// costs less than one more dispatch to wait for.
//
// maxima f32 [Hkv, G, blocks * TILE_PARTS], sums f32 [Hkv, splits, G, 2], scores f32 [Hkv, blocks].

struct Params { splits: u32, blocks: u32, parts: u32 }

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> maxima: array<f32>;
@group(0) @binding(2) var<storage, read> sums: array<vec2<f32>>;
@group(0) @binding(3) var<storage, read_write> scores: array<f32>;

const LOWEST = -1e30;

var<workgroup> joined: array<vec2<f32>, WIDTH>;

fn join(a: vec2<f32>, b: vec2<f32>) -> vec2<f32> {
  let highest = max(a.x, b.x);
  return vec2<f32>(highest, a.y * exp2(a.x - highest) + b.y * exp2(b.x - highest));
}

@compute @workgroup_size(WIDTH)
fn main(@builtin(workgroup_id) group: vec3<u32>, @builtin(local_invocation_index) lane: u32) {
  let kv_head = group.y;
  let block = group.x * WIDTH + lane;
  let row = lane / HEADS;
  var score = 0.0;
  for (var base = 0u; base < GROUP; base += HEADS) {
    let head = base + lane % HEADS;
    var own = vec2<f32>(LOWEST, 0.0);
    if (row < ROWS && head < GROUP) {
      for (var i = row; i < params.splits; i += ROWS) {
        own = join(own, sums[(kv_head * params.splits + i) * GROUP + head]);
      }
    }
    joined[lane] = own;
    workgroupBarrier();
    for (var half = ROWS / 2u; half > 0u; half /= 2u) {
      if (row < half) { joined[lane] = join(joined[lane], joined[lane + half * HEADS]); }
      workgroupBarrier();
    }
    if (block < params.blocks) {
      for (var h = 0u; h < HEADS && base + h < GROUP; h++) {
        var most = LOWEST;
        for (var part = block * TILE_PARTS; part < min((block + 1u) * TILE_PARTS, params.parts); part++) {
          most = max(most, maxima[(kv_head * GROUP + base + h) * params.blocks * TILE_PARTS + part]);
        }
        score = max(score, exp2(most - joined[h].x) / joined[h].y);
      }
    }
    workgroupBarrier();
  }
  if (block < params.blocks) { scores[kv_head * params.blocks + block] = score; }
}
