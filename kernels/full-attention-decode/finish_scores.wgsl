// Block scores out of raw block maxima: S[h, i] = max over the heads of a group of 2^(maximum - m) / l, where (m, l) are
// the head's over all splits. A workgroup takes a KV head and WIDTH blocks; (m, l) is joined anew by each of them, which
// costs less than one more dispatch to wait for.
//
// maxima f32 [Hkv, G, blocks * TILE_PARTS], sums f32 [Hkv, splits, G, 2], scores f32 [Hkv, blocks].
//
// Included after merge_partials.wgsl, whose `join` and `joined` it uses, by a file that defines the bindings `maxima` and
// `scores`.

/** Scores of WIDTH blocks from `first` on. */
fn finish_scores(kv_head: u32, first: u32, splits: u32, blocks: u32, parts: u32, lane: u32) {
  let block = first + lane;
  let row = lane / HEADS;
  var score = 0.0;
  for (var base = 0u; base < GROUP; base += HEADS) {
    let head = base + lane % HEADS;
    var own = vec2<f32>(LOWEST, 0.0);
    if (row < ROWS && head < GROUP) {
      for (var i = row; i < splits; i += ROWS) { own = join(own, sums[(kv_head * splits + i) * GROUP + head]); }
    }
    joined[lane] = own;
    workgroupBarrier();
    for (var half = ROWS / 2u; half > 0u; half /= 2u) {
      if (row < half) { joined[lane] = join(joined[lane], joined[lane + half * HEADS]); }
      workgroupBarrier();
    }
    if (block < blocks) {
      for (var h = 0u; h < HEADS && base + h < GROUP; h++) {
        var most = LOWEST;
        for (var part = block * TILE_PARTS; part < min((block + 1u) * TILE_PARTS, parts); part++) {
          most = max(most, maxima[(kv_head * GROUP + base + h) * blocks * TILE_PARTS + part]);
        }
        score = max(score, exp2(most - joined[h].x) / joined[h].y);
      }
    }
    workgroupBarrier();
  }
  if (block < blocks) { scores[kv_head * blocks + block] = score; }
}
