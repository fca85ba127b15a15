// A piece is what one invocation loads of a 16-bit row at once: four values, 8 bytes. For rows of a multiple of 4.
alias Piece = vec2<u32>;
const PIECE = 4u;
fn half4_of(piece: Piece, i: u32) -> Half4 { return piece; }
