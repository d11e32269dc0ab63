import Formats

/// How one vector for a text is made of the vectors of its tokens, as sentence-transformers has it.
public enum Pooling: String, Sendable, CaseIterable {
  /// The first token's.
  case firstToken = "cls"
  /// The largest of each number.
  case max
  /// The mean.
  case mean
  /// The sum, divided by the square root of the number of tokens.
  case meanOfSquareRoot = "mean_sqrt_len_tokens"
  /// The mean, later tokens counted more: the first once, the second twice, ...
  case weightedMean = "weightedmean"
  /// The last token's.
  case lastToken = "lasttoken"

  /// The vector of a text: `width` numbers, of the tokens' vectors one after the other. Of no tokens it is all zeros.
  func callAsFunction(_ tokens: ArraySlice<Float>, width: Int) -> [Float] {
    guard !tokens.isEmpty else { return [Float](repeating: 0, count: width) }
    let start = tokens.startIndex, count = tokens.count / width
    /// The sum over the tokens, each times a weight, divided by the sum of the weights or its square root.
    func mean(_ weight: (Int) -> Double, overSquareRoot: Bool = false) -> [Float] {
      let total = (0..<count).reduce(0) { $0 + weight($1) }, divisor = overSquareRoot ? total.squareRoot() : total
      return (0..<width).map { column in
        var sum = 0.0
        for token in 0..<count { sum += weight(token) * Double(tokens[start + token * width + column]) }
        return Float(sum / divisor)
      }
    }
    switch self {
    case .firstToken: return Array(tokens.prefix(width))
    case .lastToken: return Array(tokens.suffix(width))
    case .max:
      return (0..<width).map { column in
        var largest = tokens[start + column]
        for token in 1..<Swift.max(count, 1) { largest = Swift.max(largest, tokens[start + token * width + column]) }
        return largest
      }
    case .mean: return mean { _ in 1 }
    case .meanOfSquareRoot: return mean({ _ in 1 }, overSquareRoot: true)
    case .weightedMean: return mean { Double($0 + 1) }
    }
  }

  /// The poolings whose results stand one after the other, by a module's `config.json`.
  static func all(_ json: JSONField) throws(InputError) -> [Pooling] {
    if let field = try json.optional("pooling_mode") {
      var names = [field]
      if field.kind == .array { names = Array(try field.array(atMost: 16)) }
      var found: [Pooling] = []
      for name in names {
        guard let pooling = Pooling(rawValue: try name.string()) else {
          throw name.error(
            .unsupported, "this pooling is not implemented",
            advice: "Known are \(allCases.map(\.rawValue).joined(separator: ", ")).")
        }
        found.append(pooling)
      }
      guard !found.isEmpty else { throw field.error(.badValue, "names no pooling") }
      return found
    }
    var found: [Pooling] = []
    for (key, pooling) in flags where try json.optional(key)?.bool() ?? false { found.append(pooling) }
    for (key, field) in try json.object(atMost: 64) {
      let isKnown = flags.contains { JSONString($0.key) == key }
      if key.text.hasPrefix("pooling_mode_"), !isKnown, try field.bool() {
        throw field.error(.unsupported, "this pooling is not implemented")
      }
    }
    return found.isEmpty ? [.mean] : found
  }

  /// The flags of older files, in the order in which results follow one another.
  private static let flags: [(key: String, pooling: Pooling)] = [
    ("pooling_mode_cls_token", .firstToken), ("pooling_mode_max_tokens", .max), ("pooling_mode_mean_tokens", .mean),
    ("pooling_mode_mean_sqrt_len_tokens", .meanOfSquareRoot), ("pooling_mode_weightedmean_tokens", .weightedMean),
    ("pooling_mode_lasttoken", .lastToken),
  ]
}
