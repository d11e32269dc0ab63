import Foundation
@_exported import Layers
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
}

/// Rotary positions (Su et al. 2021) in the half-split layout of Hugging Face: the pair (i, i + headWidth / 2) of each
/// head turns by `position * theta^(-2i / headWidth)`. The table is computed once, in Double.
public struct RotaryPositions: Sendable {
  /// `[contextLength, headWidth / 2]`
  public let cosines: Tensor
  /// `[contextLength, headWidth / 2]`
  public let sines: Tensor

  /// The table for positions below `contextLength`.
  public init(headWidth: Int, contextLength: Int, theta: Double = 10000, scaling: RotaryScaling = .none) {
    precondition(headWidth % 2 == 0, "RotaryPositions: the head width \(headWidth) is odd")
    let half = headWidth / 2
    let frequencies = (0..<half).map { i in
      RotaryPositions.scaled(pow(theta, -Double(2 * i) / Double(headWidth)), scaling)
    }
    var (cosines, sines) = ([Float](), [Float]())
    for position in 0..<contextLength {
      for frequency in frequencies {
        cosines.append(Float(cos(Double(position) * frequency)))
        sines.append(Float(sin(Double(position) * frequency)))
      }
    }
    self.cosines = Tensor(cosines, shape: Shape(contextLength, half))
    self.sines = Tensor(sines, shape: Shape(contextLength, half))
  }

  private static func scaled(_ frequency: Double, _ scaling: RotaryScaling) -> Double {
    switch scaling {
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
      range.upperBound <= cosines.shape[0],
      "RotaryPositions: positions \(range) in a table for \(cosines.shape[0])")
    return x.rotated(cosines: cosines.slice(range, axis: 0), sines: sines.slice(range, axis: 0))
  }
}
