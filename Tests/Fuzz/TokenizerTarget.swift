import Formats
import Tokenizers

/// What libFuzzer calls: reads the bytes as a tokenizer.json, and cuts and joins text with it.
@_cdecl("LLVMFuzzerTestOneInput")
public func fuzz(_ start: UnsafePointer<UInt8>, _ count: Int) -> CInt {
  let bytes = Array(UnsafeBufferPointer(start: start, count: count))
  guard let tokenizer = try? PipelineTokenizer(tokenizerJSON: bytes) else { return 0 }
  for text in ["", "the  Harbor's 12 é漢\u{301}\0 <s>", String(repeating: "ab ", count: 50)] {
    guard let encoding = try? tokenizer.encoding(of: text, pair: "b a") else { continue }
    _ = try? tokenizer.decode(encoding.ids)
  }
  return 0
}
