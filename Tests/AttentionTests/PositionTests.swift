import Attention
import Foundation
import Tensor
import TestSupport
import Testing

@Suite struct PositionTests {
  @Test(arguments: [2, 6, 64]) func sinusoidsAreTheirFormula(_ width: Int) {
    let table = sinusoidalPositions(count: 50, width: width)
    #expect(table.shape == Shape(50, width))
    for position in 0..<50 {
      for i in 0..<width {
        let angle = Double(position) / pow(10000, Double(i / 2 * 2) / Double(width))
        let expected = i % 2 == 0 ? sin(angle) : cos(angle)
        #expect(table.scalars[position * width + i] == Float(expected))
      }
      if width == 64 && position > 3 { break }  // reading a whole table again and again is slow
    }
  }

  @Test(arguments: [2, 8, 10, 64]) func rotationsAreTheirFormula(_ width: Int) {
    let positions = RotaryPositions(headWidth: width, theta: 500)
    let half = width / 2
    let x = quickTensor(Shape(2, 7, 3, width), seed: width), values = x.scalars
    // Out of order: the table grows in between and keeps what it had.
    for start in [0, 290, 60, 1] {
      let found = positions(x, from: start).scalars
      var worst = 0.0
      for row in 0..<2 * 7 * 3 {
        let position = Double(start + row / 3 % 7)
        for i in 0..<half {
          let angle = position * pow(500, -Double(2 * i) / Double(width))
          let (a, b) = (Double(values[row * width + i]), Double(values[row * width + half + i]))
          worst = max(worst, abs(Double(found[row * width + i]) - (a * cos(angle) - b * sin(angle))))
          worst = max(worst, abs(Double(found[row * width + half + i]) - (b * cos(angle) + a * sin(angle))))
        }
      }
      #expect(worst < 3e-7, "from \(start): \(worst)")
    }
  }

  /// A token turns the same whatever stands beside it, so that cached decoding has the bits of the whole.
  @Test func rotationsOfOneTokenAndOfMany() {
    RuntimeSettings.unchanged {
      let positions = RotaryPositions(headWidth: 8)
      let x = quickTensor([1, 150, 2, 8], seed: 1)
      let again = RotaryPositions(headWidth: 8)
      let whole = positions(x, from: 3)
      for t in [0, 1, 63, 64, 149] {
        #expect(sameBits(again(x.slice(t..<t + 1, axis: 1), from: 3 + t), whole.slice(t..<t + 1, axis: 1)))
      }
    }
  }

  /// Frequencies that transformers 5.23 computes, in Float32.
  @Test func frequenciesOfLongContexts() {
    func check(_ positions: RotaryPositions, _ expected: [Double]) {
      let frequencies = positions.frequencies()
      #expect(frequencies.count == expected.count)
      for (found, number) in zip(frequencies, expected) { #expect(abs(found - number) < 3e-7 * number) }
    }
    func llama3(_ factor: Double, _ context: Int) -> RotaryScaling {
      .llama3(factor: factor, lowFrequencyFactor: 1, highFrequencyFactor: 4, originalContext: context)
    }
    check(
      RotaryPositions(headWidth: 16, theta: 500_000, scaling: llama3(8, 8192)),
      [1, 0.19392276, 0.037606031, 0.0072926651, 0.00052484602, 3.4281024e-05, 6.6478697e-06, 1.2891732e-06])
    check(
      RotaryPositions(headWidth: 64, theta: 500_000, scaling: llama3(32, 8192)),
      [
        1, 0.66360128, 0.44036663, 0.29222783, 0.19392276, 0.12868738, 0.085397102, 0.056669619, 0.037606031,
        0.024955409, 0.016560441, 0.010989529, 0.0072926651, 0.0048394212, 0.0032114461, 0.001290548, 0.00042955671,
        9.7082862e-05, 1.9461639e-05, 1.2914767e-05, 8.5702559e-06, 5.6872323e-06, 3.7740544e-06, 2.5044671e-06,
        1.6619674e-06, 1.1028836e-06, 7.3187493e-07, 4.8567313e-07, 3.2229329e-07, 2.1387423e-07, 1.419272e-07,
        9.4183065e-08,
      ])
    check(
      RotaryPositions(headWidth: 8, scaling: llama3(4, 64)),
      [1, 0.02546479, 0.0024999999, 0.00025000001])
    check(
      RotaryPositions(headWidth: 16, scaling: .linear(factor: 4)),
      [0.25, 0.079056941, 0.025, 0.0079056947, 0.0024999999, 0.00079056947, 0.00025000001, 7.9056947e-05])
  }
}
