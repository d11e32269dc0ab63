/// Text in columns.
enum Column {
  static func left(_ text: String, _ width: Int) -> String {
    text + String(repeating: " ", count: max(1, width - text.count))
  }

  static func right(_ text: String, _ width: Int) -> String {
    String(repeating: " ", count: max(1, width - text.count)) + text
  }

  /// About three figures, and all before the point.
  static func rounded(_ x: Double) -> String {
    guard x.isFinite, x < 1e15 else { return "\(x)" }
    if x >= 100 { return "\(Int(x.rounded()))" }
    let unit = x >= 10 ? 10.0 : x >= 1 ? 100.0 : x >= 0.1 ? 1000.0 : 100_000.0
    return "\((x * unit).rounded() / unit)"
  }
}
