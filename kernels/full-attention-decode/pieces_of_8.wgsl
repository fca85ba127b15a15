// A piece is what one invocation loads of a 16-bit row at once: eight values, 16 bytes. For rows of a multiple of 8.
alias Piece = vec4<u32>;
const PIECE = 8u;
fn half4_of(piece: Piece, i: u32) -> Half4 { return select(piece.xy, piece.zw, i == 1u); }
