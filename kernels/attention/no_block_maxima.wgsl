// What kernels do with block maxima where nobody asked for scores: nothing.

fn begin_blocks() {}
fn tile_seen(part: u32, lane: u32) {}
fn keep_sixteen(row: u32, part: u32, sixteen: u32, top: f32) {}
fn keys_seen(first: u32, end: u32, lane: u32) {}
fn keep_block_maxima(head: u32, row: u32, lane: u32, begin: u32, to: u32, top: f32) {}
fn keep_block_maximum(head: u32, row: u32, writes: bool, part: u32, begin: u32, count: u32, end: u32, top: f32) {}
fn keep_statistics(head: u32, row: u32, reference: f32, inverse_sum: f32) {}
