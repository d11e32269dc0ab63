/// The regular expressions that cut text into words, as hand-written scanners that take linear time.
///
/// Tokenizer files carry their pattern as text. Patterns are recognised by their exact text; a general engine would be
/// slower, and open to patterns that take exponential time.
enum WordPattern: Sendable, Equatable {
  /// GPT-2's: contractions, letters, numbers and other characters, each with at most one space before; white space.
  case gpt2
  /// That of cl100k and its kin (Llama 3, Qwen 2): numbers in groups, line ends with what they follow.
  case cl100k(digitsPerGroup: Int)

  /// The pattern that is written so, if it is known.
  init?(regularExpression text: String) {
    for pattern in [Self.gpt2, .cl100k(digitsPerGroup: 1), .cl100k(digitsPerGroup: 3)]
    where pattern.regularExpressions.contains(text) {
      self = pattern
      return
    }
    return nil
  }

  /// How the pattern is written, the usual form first.
  var regularExpressions: [String] {
    switch self {
    case .gpt2: return [#"'s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+"#]
    case .cl100k(let digitsPerGroup):
      let digits = digitsPerGroup == 1 ? #"\p{N}"# : #"\p{N}{1,\#(digitsPerGroup)}"#
      let words = #"|[^\r\n\p{L}\p{N}]?\p{L}+|"#
      let rest = #"| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+"#
      return ["(?i:'s|'t|'re|'ve|'m|'ll|'d)", "'(?i:[sdmt]|ll|ve|re)"].map { $0 + words + digits + rest }
    }
  }

  /// The end of the word that starts at `start`, which is less than `end`. Every character belongs to a word.
  func wordEnd(in text: [UInt8], from start: Int, before end: Int) -> Int {
    let scanner = WordScanner(text: text, end: end)
    switch self {
    case .gpt2: return scanner.gpt2WordEnd(from: start)
    case .cl100k(let digitsPerGroup): return scanner.cl100kWordEnd(from: start, digitsPerGroup: digitsPerGroup)
    }
  }
}

private struct WordScanner {
  let text: [UInt8]
  let end: Int

  func gpt2WordEnd(from start: Int) -> Int {
    if let contraction = contractionEnd(from: start, foldingCase: false) { return contraction }
    let afterSpace = text[start] == space ? start + 1 : start
    if let (kind, next) = read(at: afterSpace), !kind.isSpace {
      return runEnd(from: next) { $0 == kind }
    }
    return spaceEnd(from: start)
  }

  func cl100kWordEnd(from start: Int, digitsPerGroup: Int) -> Int {
    if let contraction = contractionEnd(from: start, foldingCase: true) { return contraction }
    guard let (kind, next) = read(at: start) else { return end }
    switch kind {
    case .letter:
      return runEnd(from: next) { $0 == .letter }
    case .number:
      var (index, digits) = (next, 1)
      while digits < digitsPerGroup, case (.number, let after)? = read(at: index) {
        (index, digits) = (after, digits + 1)
      }
      return index
    case .space, .other:
      if case (.letter, let after)? = read(at: next) { return runEnd(from: after) { $0 == .letter } }
    case .newline:
      break
    }
    let afterSpace = text[start] == space ? next : start
    if case (.other, let after)? = read(at: afterSpace) {
      return runEnd(from: runEnd(from: after) { $0 == .other }) { $0 == .newline }
    }
    return lineEnd(from: start) ?? spaceEnd(from: start)
  }

  private let space = UInt8(ascii: " ")

  @inline(__always)
  private func read(at index: Int) -> (kind: ScalarClass, next: Int)? {
    guard index < end else { return nil }
    let (value, next) = scalar(in: text, at: index, before: end)
    return (ScalarClass(value), next)
  }

  @inline(__always)
  private func runEnd(from start: Int, while belongs: (ScalarClass) -> Bool) -> Int {
    var index = start
    while let (kind, next) = read(at: index), belongs(kind) { index = next }
    return index
  }

  /// `\s+(?!\S)|\s+`: white space, without its last character if a word follows that could take it.
  private func spaceEnd(from start: Int) -> Int {
    let run = runEnd(from: start) { $0.isSpace }
    guard run < end else { return run }
    let last = scalarStart(in: text, endingAt: run, notBefore: start)
    return last > start ? last : run
  }

  /// `\s*[\r\n]+`: white space up to its last line end, if it has one.
  private func lineEnd(from start: Int) -> Int? {
    var (index, last) = (start, Int?.none)
    while let (kind, next) = read(at: index), kind.isSpace {
      if kind == .newline { last = next }
      index = next
    }
    return last
  }

  /// `'s`, `'t`, `'re`, `'ve`, `'m`, `'ll`, `'d`.
  private func contractionEnd(from start: Int, foldingCase: Bool) -> Int? {
    guard text[start] == UInt8(ascii: "'"), start + 1 < end else { return nil }
    // The long s folds to an s.
    if foldingCase && text.holds([0xC5, 0xBF], at: start + 1, before: end) { return start + 3 }
    switch letter(at: start + 1, foldingCase) {
    case "s", "t", "m", "d": return start + 2
    case "r", "v": return letter(at: start + 2, foldingCase) == "e" ? start + 3 : nil
    case "l": return letter(at: start + 2, foldingCase) == "l" ? start + 3 : nil
    default: return nil
    }
  }

  private func letter(at index: Int, _ foldingCase: Bool) -> Unicode.Scalar? {
    guard index < end else { return nil }
    let byte = text[index]
    let isCapital = UInt8(ascii: "A")...UInt8(ascii: "Z") ~= byte
    return Unicode.Scalar(isCapital && foldingCase ? byte | 0x20 : byte)
  }
}
