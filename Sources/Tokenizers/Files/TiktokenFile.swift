public import Formats

extension PipelineTokenizer {
  /// Reads the contents of a tiktoken file: on each line a token's bytes in Base64, a space, and its rank, which is its id.
  ///
  /// The merges are the ranks: of all neighbours that together are a token, those whose token has the least rank are
  /// joined first. A word that is a token is one.
  /// - Parameters:
  ///   - layout: How text is cut into words, which the file does not say.
  ///   - specialTokens: Tokens that are looked for in the text itself, and their ids.
  ///   - beginning: Ids that are put before a text together with special tokens.
  /// - Throws: `badValue` for a line that is none, a byte without a token, or `specialTokens` with an id that a token has;
  ///   `duplicate` for a token or rank that is there twice; `tooLarge` for too many lines, or tokens too long.
  public init(
    tiktoken bytes: [UInt8], layout: Layout, specialTokens: [(token: String, id: Int)] = [], beginning: [Int] = []
  ) throws(InputError) {
    let added = specialTokens.map { AddedToken(content: Array($0.token.utf8), id: $0.id, isSpecial: true) }
    try self.init(tiktoken: bytes, layout: layout, added: added, beginning: beginning)
  }

  init(tiktoken bytes: [UInt8], layout: Layout, added: [AddedToken], beginning: [Int]) throws(InputError) {
    let vocabulary = try Vocabulary(tiktoken: bytes)
    let model = try BPEModel(joining: vocabulary, isByteLevel: true, ignoresMerges: true)
    for token in added where vocabulary.token(of: token.id) != nil {
      throw InputError(
        .duplicate, "The special token \(quoted(token.content)) has the id \(token.id), which is another token's")
    }
    var stages = try PipelineStages(.bpe(model), adding: added)
    try layout.apply(to: &stages)
    stages.postProcessor.steps = try Self.wrapping(beginning, [], stages.vocabulary)
    try self.init(stages, addedTokens: added)
  }
}

extension Vocabulary {
  /// The longest token of a tiktoken file, in bytes.
  private static let longestTiktoken = 4096

  /// Whether a file looks like a tiktoken file: its first line is Base64, a space and a number.
  static func looksLikeTiktoken(_ bytes: [UInt8]) -> Bool {
    let line = bytes.prefix(8192).prefix { $0 != UInt8(ascii: "\n") }
    return (try? tiktokenLine(withoutReturn(line))) != nil
  }

  /// Reads a tiktoken file; tokens are written in the byte alphabet.
  fileprivate init(tiktoken bytes: [UInt8]) throws(InputError) {
    let lines = TextLines(bytes), count = lines.count
    guard count <= Model.sizeLimit else {
      throw InputError(.tooLarge, "has more than \(Model.sizeLimit) lines", at: "tiktoken")
    }
    self.init(expectedCount: count)
    for (number, line) in lines.enumerated() {
      let line = Self.withoutReturn(line)
      guard !line.isEmpty else { continue }
      do throws(InputError) {
        let (token, rank) = try Self.tiktokenLine(line)
        try add(token.flatMap { ByteLevel.utf8[Int($0)] }, id: rank)
      } catch {
        throw error.inside("tiktoken: line \(number + 1)")
      }
    }
    for byte in UInt8.min...UInt8.max where id(of: ByteLevel.utf8[Int(byte)]) < 0 {
      throw InputError(.badValue, "has no token for the byte \(byte)", at: "tiktoken")
    }
  }

  private static func withoutReturn(_ line: ArraySlice<UInt8>) -> [UInt8] {
    Array(line.last == UInt8(ascii: "\r") ? line.dropLast() : line)
  }

  private static func tiktokenLine(_ line: [UInt8]) throws(InputError) -> (token: [UInt8], rank: Int) {
    let parts = line.split(separator: UInt8(ascii: " "), omittingEmptySubsequences: false)
    guard parts.count == 2, let token = base64(parts[0]), !token.isEmpty, let rank = number(parts[1]) else {
      throw InputError(.badValue, "is \(quoted(line)), but must be a token in Base64, a space, and its rank")
    }
    guard token.count <= longestTiktoken else {
      throw InputError(.tooLarge, "has a token of \(token.count) bytes, but \(longestTiktoken) are the most")
    }
    return (token, rank)
  }

  private static func number(_ digits: ArraySlice<UInt8>) -> Int? {
    guard (1...18).contains(digits.count) else { return nil }
    var number = 0
    for digit in digits {
      guard UInt8(ascii: "0")...UInt8(ascii: "9") ~= digit else { return nil }
      number = number * 10 + Int(digit - UInt8(ascii: "0"))
    }
    return number
  }
}

/// The bytes that are written in Base64 with padding (RFC 4648, section 4); nil for what is not.
func base64(_ text: ArraySlice<UInt8>) -> [UInt8]? {
  guard text.count % 4 == 0 else { return nil }
  let padding = text.suffix(2).reversed().prefix { $0 == UInt8(ascii: "=") }.count
  var (output, bits, bitCount) = ([UInt8](), UInt32(0), 0)
  output.reserveCapacity(text.count / 4 * 3)
  for byte in text.dropLast(padding) {
    let digit: UInt8
    switch byte {
    case UInt8(ascii: "A")...UInt8(ascii: "Z"): digit = byte - UInt8(ascii: "A")
    case UInt8(ascii: "a")...UInt8(ascii: "z"): digit = byte - UInt8(ascii: "a") + 26
    case UInt8(ascii: "0")...UInt8(ascii: "9"): digit = byte - UInt8(ascii: "0") + 52
    case UInt8(ascii: "+"): digit = 62
    case UInt8(ascii: "/"): digit = 63
    default: return nil
    }
    bits = (bits & 0xFF) << 6 | UInt32(digit)
    bitCount += 6
    guard bitCount >= 8 else { continue }
    bitCount -= 8
    output.append(UInt8(truncatingIfNeeded: bits >> UInt32(bitCount)))
  }
  return output
}
