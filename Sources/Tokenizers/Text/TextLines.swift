/// The lines of a text, without their LF; what follows the last LF is one too. Going over them takes no memory.
struct TextLines: Sequence {
  let text: [UInt8]

  init(_ text: [UInt8]) { self.text = text }

  /// How many there are.
  var count: Int { 1 + text.count { $0 == UInt8(ascii: "\n") } }

  func makeIterator() -> Iterator { Iterator(text: text) }

  struct Iterator: IteratorProtocol {
    let text: [UInt8]
    private var start: Int? = 0

    fileprivate init(text: [UInt8]) { self.text = text }

    mutating func next() -> ArraySlice<UInt8>? {
      guard let start else { return nil }
      let end = text[start...].firstIndex(of: UInt8(ascii: "\n"))
      self.start = end.map { $0 + 1 }
      return text[start..<(end ?? text.count)]
    }
  }
}
