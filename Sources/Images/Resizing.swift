import Formats
import Foundation

/// How the pixels of another size are computed: a filter that is as wide as the pixels of the smaller size, so that nothing
/// of a larger image is left out (antialiasing).
public enum Resampling: Int, Sendable, CaseIterable {
  /// Lanczos, three lobes.
  case lanczos = 1
  /// A triangle.
  case bilinear = 2
  /// Cubic convolution with a = -0.5 (Keys 1981).
  case bicubic = 3

  /// Where the filter ends, in pixels of the smaller size.
  var support: Double {
    switch self {
    case .lanczos: 3
    case .bilinear: 1
    case .bicubic: 2
    }
  }

  func weight(_ distance: Double) -> Double {
    let x = abs(distance)
    switch self {
    case .lanczos:
      func sinc(_ x: Double) -> Double { x == 0 ? 1 : sin(x * Double.pi) / (x * Double.pi) }
      return x < 3 ? sinc(distance) * sinc(distance / 3) : 0
    case .bilinear: return x < 1 ? 1 - x : 0
    case .bicubic:
      let a = -0.5
      if x < 1 { return ((a + 2) * x - (a + 3)) * x * x + 1 }
      return x < 2 ? (((x - 5) * x + 8) * x - 4) * a : 0
    }
  }
}

extension Image {
  /// The picture in another size, with the bytes that the Python Imaging Library (Pillow 13) computes: first along the
  /// rows, then along the columns, or the other way round where many more rows than columns go away; each time with
  /// weights of 22 bits after the point, rounded to bytes.
  ///
  /// Pillow up to 12 always begins with the rows.
  /// - Throws: `badValue` for a size of nothing, `budget` for more than `pixelLimit` pixels, also between the two.
  public func resized(
    width newWidth: Int, height newHeight: Int, _ resampling: Resampling
  ) throws(InputError) -> Image {
    try Image.check(width: newWidth, height: newHeight)
    let beginsWithColumns = newHeight < height && height - newHeight > 2 * (width - newWidth)
    if beginsWithColumns { return try withHeight(newHeight, resampling).withWidth(newWidth, resampling) }
    return try withWidth(newWidth, resampling).withHeight(newHeight, resampling)
  }

  private func withWidth(_ newWidth: Int, _ resampling: Resampling) throws(InputError) -> Image {
    if newWidth == width { return self }
    try Image.check(width: newWidth, height: height)
    let taps = Taps(from: width, to: newWidth, resampling)
    var result = [UInt8](repeating: 0, count: newWidth * height * 3)
    for row in 0..<height {
      for column in 0..<newWidth {
        for channel in 0..<3 {
          result[(row * newWidth + column) * 3 + channel] = taps.sum(
            column, bytes, at: row * width * 3 + channel, step: 3)
        }
      }
    }
    return Image(width: newWidth, height: height, bytes: result)
  }

  private func withHeight(_ newHeight: Int, _ resampling: Resampling) throws(InputError) -> Image {
    if newHeight == height { return self }
    try Image.check(width: width, height: newHeight)
    let taps = Taps(from: height, to: newHeight, resampling), rowBytes = width * 3
    var result = [UInt8](repeating: 0, count: newHeight * rowBytes)
    for row in 0..<newHeight {
      for column in 0..<rowBytes { result[row * rowBytes + column] = taps.sum(row, bytes, at: column, step: rowBytes) }
    }
    return Image(width: width, height: newHeight, bytes: result)
  }
}

/// For each place of the new size, the first place of the old one that it is made of, and the weights from there on.
private struct Taps {
  static let bits = 22
  private var taps: [(first: Int, weights: [Int])] = []

  init(from old: Int, to new: Int, _ resampling: Resampling) {
    let scale = Double(old) / Double(new), stretch = max(scale, 1), support = resampling.support * stretch
    for place in 0..<new {
      let center = (Double(place) + 0.5) * scale
      let first = max(0, Int(center - support + 0.5)), end = min(old, Int(center + support + 0.5))
      var weights = (first..<max(first, end)).map { resampling.weight((Double($0) - center + 0.5) * (1 / stretch)) }
      let total = weights.reduce(0, +)
      if total != 0 { weights = weights.map { $0 / total } }
      taps.append(
        (first, weights.map { Int(($0 < 0 ? -0.5 : 0.5) + $0 * Double(1 << Taps.bits)) }))
    }
  }

  /// The byte at one place of a line that begins at `start` and goes on in steps.
  func sum(_ place: Int, _ bytes: [UInt8], at start: Int, step: Int) -> UInt8 {
    let (first, weights) = taps[place]
    var sum = 1 << (Taps.bits - 1), at = start + first * step
    for weight in weights {
      sum += weight * Int(bytes[at])
      at += step
    }
    return UInt8(clamping: sum >> Taps.bits)
  }
}
