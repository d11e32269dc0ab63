import Foundation
@_exported import Layers
import Synchronization
import Tensor

/// Where sines and cosines of positions stand.
public enum SinusoidLayout: Sendable, Equatable {
  /// In turn, as in the paper.
  case interleaved
  /// All sines, then all cosines, as in Marian.
  case halves
}

/// The sinusoids of the original Transformer (Vaswani et al. 2017, section 3.5), interleaved:
/// `[position, 2i] = sin(position / 10000^(2i / width))`, `[position, 2i + 1]` the cosine; in halves, `[position, i]` and
/// `[position, width / 2 + i]`. Of an odd width there is a sine more than cosines. Computed in Double.
///
/// - Parameter start: the first position.
/// - Returns: `[count, width]`
public func sinusoidalPositions(
  from start: Int = 0, count: Int, width: Int, layout: SinusoidLayout = .interleaved
) -> Tensor {
  let sines = (width + 1) / 2
  var values = [Float](repeating: 0, count: count * width)
  for i in 0..<sines {
    let period = pow(10000, Double(2 * i) / Double(width))
    let (sine, cosine) = layout == .interleaved ? (2 * i, 2 * i + 1) : (i, sines + i)
    for position in 0..<count {
      let angle = Double(start + position) / period
      values[position * width + sine] = Float(sin(angle))
      if cosine < width { values[position * width + cosine] = Float(cos(angle)) }
    }
  }
  return Tensor(values, shape: Shape(count, width))
}

/// Rotary positions (Su et al. 2021) in the half-split layout of Hugging Face: the pair (i, i + headWidth / 2) of each
/// head turns by `position * theta^(-2i / headWidth)`, the frequency changed as a `RotaryScaling` says.
///
/// Any position turns: there is no last one. Angles are computed in Double, once, for the positions that are used, and
/// copies share the table.
public struct RotaryPositions: Sendable {
  let headWidth: Int
  let theta: Double
  let scaling: RotaryScaling
  private let table = Table()

  private final class Table: Sendable {
    let rows = Mutex<Rows?>(nil)
  }

  /// `[positions, headWidth / 2]` each, of the frequencies of one kind.
  private struct Rows {
    var cosines: Tensor
    var sines: Tensor
    var kind: Int
  }

  /// Rotations of heads of an even width.
  public init(headWidth: Int, theta: Double = 10000, scaling: RotaryScaling = .none) {
    precondition(headWidth % 2 == 0, "RotaryPositions: the head width \(headWidth) is odd")
    (self.headWidth, self.theta, self.scaling) = (headWidth, theta, scaling)
  }

  /// Radians per position for each pair, in a text of `length` tokens: of some scalings it depends on that.
  public func frequencies(length: Int = 0) -> [Double] {
    scaling.frequencies(headWidth: headWidth, theta: theta, length: length)
  }

  /// Cosines and sines for at least the positions below `count`, of a text that has `count` tokens so far.
  private func rows(_ count: Int) -> Rows {
    let kind = scaling.kind(length: count)
    return table.rows.withLock { rows in
      var known = 0
      if let rows, rows.kind == kind {
        known = rows.cosines.shape[0]
        if known >= count { return rows }
      }
      let frequencies = frequencies(length: count)
      let shape = Shape(max(count, 2 * known, 64), frequencies.count)
      var (cosines, sines) = ([Float](), [Float]())
      cosines.reserveCapacity(shape.elementCount)
      sines.reserveCapacity(shape.elementCount)
      for position in 0..<shape[0] {
        for frequency in frequencies {
          cosines.append(Float(cos(Double(position) * frequency) * scaling.magnitude))
          sines.append(Float(sin(Double(position) * frequency) * scaling.magnitude))
        }
      }
      let grown = Rows(cosines: Tensor(cosines, shape: shape), sines: Tensor(sines, shape: shape), kind: kind)
      rows = grown
      return grown
    }
  }

  /// Cosines and sines for some positions of texts of one length: `[ids, headWidth / 2]` each.
  private func angles(at ids: [Int32], length: Int) -> (cosines: Tensor, sines: Tensor) {
    // A table up to a far position, which a caller may name for a single token, would be larger than what it is for.
    guard length > RotaryPositions.mostTabulated else {
      let table = rows(length)
      return (table.cosines.rows(at: ids), table.sines.rows(at: ids))
    }
    let frequencies = frequencies(length: length), shape = Shape(ids.count, frequencies.count)
    let angles = ids.flatMap { id in frequencies.map { Double(id) * $0 } }
    return (
      Tensor(angles.map { Float(cos($0) * scaling.magnitude) }, shape: shape),
      Tensor(angles.map { Float(sin($0) * scaling.magnitude) }, shape: shape)
    )
  }

  /// The longest text whose positions that are not simply one after the other are looked up in a table.
  private static let mostTabulated = 1 << 16

  /// Turns queries or keys `[batch, time, heads, headWidth]` whose first token has the given position.
  public func callAsFunction(_ x: Tensor, from position: Int) -> Tensor {
    let range = position..<position + x.shape[1]
    let rows = rows(range.upperBound)
    return x.rotated(cosines: rows.cosines.slice(range, axis: 0), sines: rows.sines.slice(range, axis: 0))
  }

  /// Turns queries or keys `[batch, time, heads, headWidth]` whose tokens stand at the given positions. A row's
  /// frequencies are those of a text of its own length.
  public func callAsFunction(_ x: Tensor, at positions: TextPositions) -> Tensor {
    let (batch, time) = (positions.places.batch, positions.places.time)
    precondition(
      x.rank == 4 && x.shape[0] == batch && x.shape[1] == time,
      "RotaryPositions: x \(x.shape), positions of \(batch) rows of \(time)")
    func turned(_ x: Tensor, _ ids: [Int32], length: Int) -> Tensor {
      // Tokens of several rows are as good as more tokens of one.
      let angles = angles(at: ids, length: length)
      return x.reshaped(1, ids.count, x.shape[2], x.shape[3])
        .rotated(cosines: angles.cosines, sines: angles.sines).reshaped(x.shape)
    }
    if Set(positions.lengths.map(scaling.kind)).count <= 1 {
      return turned(x, positions.places.ids, length: positions.limit)
    }
    let parts = positions.lengths.enumerated().map { row, length in
      turned(
        x.slice(row..<row + 1, axis: 0), Array(positions.places.ids[row * time..<(row + 1) * time]), length: length)
    }
    return Tensor.concatenate(parts, axis: 0)
  }
}
