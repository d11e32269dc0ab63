import Formats
import Tokenizers

/// What libFuzzer calls: reads the bytes as a SentencePiece model, and cuts and joins text with it.
@_cdecl("LLVMFuzzerTestOneInput")
public func fuzz(_ start: UnsafePointer<UInt8>, _ count: Int) -> CInt {
  let bytes = Array(UnsafeBufferPointer(start: start, count: count))
  guard let model = try? SentencePieceModel(contents: bytes),
    let tokenizer = try? PipelineTokenizer(model, findingControlPieces: count % 2 == 0)
  else { return 0 }
  for text in ["", "the  Harbor \u{A0}\u{FB01}é漢\0 <s>", String(repeating: "ab ", count: 50)] {
    guard let ids = try? tokenizer.encode(text) else { continue }
    _ = try? tokenizer.decode(ids)
  }
  return 0
}
