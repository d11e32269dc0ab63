import Foundation
import Tensor
import Testing

extension GradientTests {
  @Suite struct WorstErrors {
    /// The last of the tests, by its file's name: prints what the others found, and holds all of it together to what the
    /// tolerances of single checks, which are those of their worst shapes, would let pass.
    @Test func report() throws {
      try check("sum", [33]) { $0[0].sum() }  // where this test runs alone
      let errors = foundErrors
      let lines = errors.sorted { $0.key < $1.key }.map { name, error in
        name.padding(toLength: 32, withPad: " ", startingAt: 0)
          + String(format: "value %.1e  gradient %.1e", error.value, error.gradient)
      }
      print("worst errors against the replay in Double:\n" + lines.joined(separator: "\n"))
      for (name, error) in errors { #expect(error.value < 2e-6, "\(name): rounding alone does not explain the value") }
      let gradients = errors.values.map(\.gradient).sorted()
      #expect(gradients[gradients.count / 2] < 1e-5, "the middle one of \(gradients)")
    }
  }
}
