/// The bytes of the original text that something stands for.
struct Origin: Sendable, Equatable {
  var start: Int32
  var end: Int32
}

/// A scalar of a rewritten text, and what it stands for in the text before: one scalar (0), one and `-n` more that
/// vanish (`-n`), or none of its own (1): it belongs to what is before it.
struct RewrittenScalar {
  var value: UInt32
  var change: Int32
}

/// A text on its way through the pipeline, together with where each of its bytes comes from.
///
/// As long as nothing is rewritten, a byte stands for the scalar that it belongs to, and nothing is stored.
struct AlignedText: Sendable {
  private(set) var bytes: [UInt8]
  /// Where the text begins in the original.
  let origin: Int
  /// Whether origins are kept. Without them a rewritten text has none, and costs less.
  let isTracked: Bool
  private var spans: [Origin]?

  /// A stretch of the original text.
  init(_ original: [UInt8], _ start: Int, _ end: Int, isTracked: Bool) {
    bytes = start == 0 && end == original.count ? original : Array(original[start..<end])
    (origin, self.isTracked) = (start, isTracked)
  }

  /// The same text, its bytes replaced by others with their origins (which are empty if none are kept).
  private init(_ bytes: [UInt8], _ spans: [Origin], like text: AlignedText) {
    (self.bytes, origin, isTracked) = (bytes, text.origin, text.isTracked)
    if isTracked { self.spans = spans }
  }

  /// The part at `start..<end`, a text of its own.
  func part(_ start: Int, _ end: Int) -> AlignedText {
    if start == 0 && end == bytes.count { return self }
    guard let spans else { return AlignedText(part: bytes[start..<end], origin + start, isTracked) }
    var part = AlignedText(part: bytes[start..<end], start < end ? Int(spans[start].start) : origin, isTracked)
    part.spans = Array(spans[start..<end])
    return part
  }

  private init(part: ArraySlice<UInt8>, _ origin: Int, _ isTracked: Bool) {
    (bytes, self.origin, self.isTracked) = (Array(part), origin, isTracked)
  }

  /// Where the byte at `index` comes from.
  func span(at index: Int) -> Origin {
    if let spans { return spans[index] }
    var first = index
    while first > 0 && bytes[first] & 0xC0 == 0x80 { first -= 1 }
    let end = scalar(in: bytes, at: first, before: bytes.count).next
    return Origin(start: Int32(truncatingIfNeeded: origin + first), end: Int32(truncatingIfNeeded: origin + end))
  }

  /// Where the bytes at `start..<end` come from; nowhere if they are none.
  func span(_ start: Int, _ end: Int) -> Origin {
    guard start < end else {
      return Origin(start: Int32(truncatingIfNeeded: origin), end: Int32(truncatingIfNeeded: origin))
    }
    return Origin(start: span(at: start).start, end: span(at: end - 1).end)
  }

  private func allSpans() -> [Origin] {
    if let spans { return spans }
    guard isTracked else { return [] }
    var (spans, index) = ([Origin](), 0)
    spans.reserveCapacity(bytes.count)
    while index < bytes.count {
      let span = span(at: index)
      let next = scalar(in: bytes, at: index, before: bytes.count).next
      spans.append(contentsOf: repeatElement(span, count: next - index))
      index = next
    }
    return spans
  }
}

extension AlignedText {
  /// A text that is being written to take another's place.
  struct Rewriting {
    fileprivate var bytes: [UInt8] = []
    fileprivate var spans: [Origin] = []
    fileprivate let old: AlignedText
    private let oldSpans: [Origin]

    fileprivate init(_ old: AlignedText) {
      self.old = old
      oldSpans = old.allSpans()
      bytes.reserveCapacity(old.bytes.count + 16)
      if old.isTracked { spans.reserveCapacity(old.bytes.count + 16) }
    }

    /// The number of bytes so far.
    var count: Int { bytes.count }

    /// Appends the bytes at `start..<end` of the old text.
    @inline(__always)
    mutating func keep(_ start: Int, _ end: Int) {
      bytes.append(contentsOf: old.bytes[start..<end])
      if old.isTracked { spans.append(contentsOf: oldSpans[start..<end]) }
    }

    /// Appends text that stands for the byte at `index` of the old text.
    mutating func write(_ text: some Collection<UInt8>, for index: Int) {
      bytes.append(contentsOf: text)
      if old.isTracked { spans.append(contentsOf: repeatElement(oldSpans[index], count: text.count)) }
    }

    /// Appends a scalar that stands for the byte at `index` of the old text.
    mutating func write(_ value: UInt32, for index: Int) {
      let start = bytes.count
      append(value, to: &bytes)
      if old.isTracked { spans.append(contentsOf: repeatElement(oldSpans[index], count: bytes.count - start)) }
    }
  }

  /// Rewrites the text. `body` is given the old bytes and appends what takes their place.
  mutating func rewrite(_ body: (_ old: [UInt8], _ new: inout Rewriting) -> Void) {
    var rewriting = Rewriting(self)
    body(bytes, &rewriting)
    self = AlignedText(rewriting.bytes, rewriting.spans, like: self)
  }

  /// Rewrites the text by a rule for each scalar alone. `rule` says whether the scalar stays; if not, it has appended
  /// what takes its place, or nothing.
  mutating func rewriteScalars(
    _ rule: (_ value: UInt32, _ start: Int, _ new: inout Rewriting) -> Bool
  ) {
    rewrite { old, new in
      var index = 0
      while index < old.count {
        let (value, next) = scalar(in: old, at: index, before: old.count)
        if rule(value, index, &new) { new.keep(index, next) }
        index = next
      }
    }
  }

  /// Replaces the whole text by scalars that say what they stand for.
  ///
  /// They stand for the old scalars in their order, which need not be what became of which: this is how the reference
  /// library counts after scalars were reordered.
  mutating func replace(with scalars: [RewrittenScalar]) {
    rewrite { old, new in
      var index = 0
      for scalar in scalars {
        let source = scalar.change > 0 ? index - 1 : index
        new.write(scalar.value, for: max(0, min(source, old.count - 1)))
        guard scalar.change <= 0 else { continue }
        for _ in 0...(-scalar.change) where index < old.count {
          index = Tokenizers.scalar(in: old, at: index, before: old.count).next
        }
      }
    }
  }
}
