/// Text between the tags of an XML 1.0 document: markup is escaped, and characters that XML does not allow at all are
/// replaced.
func escaped(_ text: String) -> String {
  var result = ""
  for scalar in text.unicodeScalars {
    switch scalar {
    case "&": result += "&amp;"
    case "<": result += "&lt;"
    case ">": result += "&gt;"
    case "\"": result += "&quot;"
    case "'": result += "&#39;"
    case "\t", "\n", "\r": result += " "
    case "\u{0}"..."\u{1f}", "\u{7f}"..."\u{9f}", "\u{fffe}", "\u{ffff}": result += "\u{fffd}"
    default: result.unicodeScalars.append(scalar)
    }
  }
  return result
}

/// A token's text as a label: spaces and line ends are made visible, and long ones are cut.
func shortLabel(_ text: String) -> String {
  var label = ""
  var width = 0
  for scalar in text.unicodeScalars {
    let shown: Unicode.Scalar =
      switch scalar {
      case " ": "·"
      case "\n", "\r": "⏎"
      case "\t": "⇥"
      default: scalar
      }
    width += estimatedWidth(of: shown)
    if width > 90 { return label + "…" }
    label.unicodeScalars.append(shown)
  }
  return label
}

/// About how many pixels a text takes in the picture's font of 11 pixels.
func estimatedWidth(_ text: String) -> Int { text.unicodeScalars.reduce(0) { $0 + estimatedWidth(of: $1) } }

private func estimatedWidth(of scalar: Unicode.Scalar) -> Int {
  switch scalar.value {
  case 0..<0x1100:
    "iljt.,:;'·|!".unicodeScalars.contains(scalar) ? 4 : ("mwMW".unicodeScalars.contains(scalar) ? 10 : 7)
  default: 11
  }
}
