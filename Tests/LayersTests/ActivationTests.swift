import Formats
import Foundation
import Gradients
import Layers
import Models
import Tensor
import TestSupport
import Testing

/// Numbers of which a sum is differentiated.
private struct Places: Module {
  var x: Tensor
  mutating func visit(_ visitor: inout some ParameterVisitor) { visitor("x", &x) }
}

@Suite struct ActivationTests {
  /// What transformers 5.23 computes by each name, in Float64, and its derivatives.
  @Test func activationsAreTransformers() throws {
    let file = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
      .appending(path: "Fixtures/activations.json")
    let cases = try JSONField(JSONValue(parsing: Array(Data(contentsOf: file)))).array()
    #expect(cases.count == 21)
    var seen: [Activation] = []
    for json in cases {
      let name = try json.required("name").string()
      func numbers(_ key: String) throws -> [Double] { try json.required(key).array().map { try $0.double() } }
      let text = "{\"model_type\": \"gpt2\", \"activation_function\": \"\(name)\"}"
      let activation = try GPT2.Configuration(JSONField(JSONValue(parsing: Array(text.utf8)))).activation
      seen.append(activation)
      let places = Tensor(try numbers("places").map { Float($0) })
      let found = valueAndGradient(at: Places(x: places)) { activation($0.x).sum() }
      let values = activation(places)
      #expect(worstError(values.scalars, try numbers("values")) < 1e-6, "\(name)")
      #expect(worstError(found.gradient.x.scalars, try numbers("slopes")) < 2e-6, "\(name)")
      // After a map, the same bits, or those of a kernel that applies it there.
      var initializer = Initializer.random(seed: 3)
      let map = Linear(3, 5, bias: true, standardDeviation: 1, &initializer), x = testTensor([4, 3])
      let mapped = map(x, activation: activation).scalars
      #expect(worstError(mapped, activation(map(x)).scalars.map(Double.init)) < 1e-6, "\(name)")
      let conv = Conv1D(3, 5, bias: true, standardDeviation: 1, &initializer)
      let other = conv(x, activation: activation).scalars
      #expect(worstError(other, activation(conv(x)).scalars.map(Double.init)) < 1e-6, "\(name)")
    }
    #expect(Activation.allCases.allSatisfy(seen.contains))
  }

  /// Far out nothing overflows on the way.
  @Test func largeNumbers() {
    let x = Tensor([-1e30, -200, 200, 1e18])
    for activation in Activation.allCases {
      let found = activation(x).scalars
      #expect(found.allSatisfy { $0.isFinite || activation == .reluSquared }, "\(activation): \(found)")
      #expect(activation == .identity || activation == .leakyReLU || abs(found[1]) < 11, "\(activation)")
    }
  }
}
