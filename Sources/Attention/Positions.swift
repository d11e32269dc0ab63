import Foundation
@_exported import Layers
import Synchronization
import Tensor

/// The sinusoids of the original Transformer (Vaswani et al. 2017, section 3.5), interleaved:
/// `[position, 2i] = sin(position / 10000^(2i / width))`, `[position, 2i + 1]` the cosine. Computed in Double.
///
/// - Returns: `[count, width]`
public func sinusoidalPositions(count: Int, width: Int) -> Tensor {
  precondition(width % 2 == 0, "sinusoidalPositions: the width \(width) is odd")
  var values = [Float](repeating: 0, count: count * width)
  for position in 0..<count {
    for i in 0..<width / 2 {
      let angle = Double(position) / pow(10000, Double(2 * i) / Double(width))
      values[position * width + 2 * i] = Float(sin(angle))
      values[position * width + 2 * i + 1] = Float(cos(angle))
    }
  }
  return Tensor(values, shape: Shape(count, width))
}

/// How rotary frequencies are changed for longer contexts than the model was trained on.
public enum RotaryScaling: Sendable, Equatable {
  /// As trained.
  case none
  /// All positions divided by a factor (Chen et al. 2023).
  case linear(factor: Double)
  /// Llama 3.1: low frequencies divided by `factor`, high ones kept, those between blended.
  case llama3(factor: Double, lowFrequencyFactor: Double, highFrequencyFactor: Double, originalContext: Int)
  /// Each frequency divided by a factor of its own, of which there are half as many as a head is wide.
  case divided(by: [Double])
}

/// Rotary positions (Su et al. 2021) in the half-split layout of Hugging Face: the pair (i, i + headWidth / 2) of each
/// head turns by `position * theta^(-2i / headWidth)`.
///
/// Angles are computed in Double, once, for the positions that are used: a configuration's context costs nothing, and
/// copies share the table.
public struct RotaryPositions: Sendable {
  /// The positions are below this.
  public let contextLength: Int
  /// Radians per position, for each pair.
  public let frequencies: [Double]
  private let table = Table()

  private final class Table: Sendable {
    let rows = Mutex<(cosines: Tensor, sines: Tensor)?>(nil)
  }

  /// Rotations for positions below `contextLength`.
  public init(headWidth: Int, contextLength: Int, theta: Double = 10000, scaling: RotaryScaling = .none) {
    precondition(headWidth % 2 == 0, "RotaryPositions: the head width \(headWidth) is odd")
    if case .divided(let factors) = scaling {
      precondition(
        factors.count == headWidth / 2, "RotaryPositions: \(factors.count) factors for a head width of \(headWidth)")
    }
    self.contextLength = contextLength
    frequencies = (0..<headWidth / 2).map { i in
      RotaryPositions.scaled(pow(theta, -Double(2 * i) / Double(headWidth)), i, scaling)
    }
  }

  /// Cosines and sines, `[positions, headWidth / 2]`, for at least the positions below `count`.
  private func rows(_ count: Int) -> (cosines: Tensor, sines: Tensor) {
    table.rows.withLock { rows in
      let known = rows?.cosines.shape[0] ?? 0
      if let rows, known >= count { return rows }
      let shape = Shape(min(contextLength, max(count, 2 * known, 64)), frequencies.count)
      var (cosines, sines) = ([Float](), [Float]())
      cosines.reserveCapacity(shape.elementCount)
      sines.reserveCapacity(shape.elementCount)
      for position in 0..<shape[0] {
        for frequency in frequencies {
          cosines.append(Float(cos(Double(position) * frequency)))
          sines.append(Float(sin(Double(position) * frequency)))
        }
      }
      let grown = (cosines: Tensor(cosines, shape: shape), sines: Tensor(sines, shape: shape))
      rows = grown
      return grown
    }
  }

  private static func scaled(_ frequency: Double, _ index: Int, _ scaling: RotaryScaling) -> Double {
    switch scaling {
    case .divided(let factors): return frequency / factors[index]
    case .none: return frequency
    case .linear(let factor): return frequency / factor
    case .llama3(let factor, let low, let high, let context):
      let wavelength = 2 * Double.pi / frequency
      if wavelength < Double(context) / high { return frequency }
      if wavelength > Double(context) / low { return frequency / factor }
      let blend = (Double(context) / wavelength - low) / (high - low)
      return (1 - blend) * frequency / factor + blend * frequency
    }
  }

  /// Turns queries or keys `[batch, time, heads, headWidth]` whose first token has the given position.
  public func callAsFunction(_ x: Tensor, from position: Int) -> Tensor {
    let range = position..<position + x.shape[1]
    precondition(
      range.upperBound <= contextLength,
      "RotaryPositions: positions \(range) in a context of \(contextLength)")
    let (cosines, sines) = rows(range.upperBound)
    return x.rotated(cosines: cosines.slice(range, axis: 0), sines: sines.slice(range, axis: 0))
  }
}
