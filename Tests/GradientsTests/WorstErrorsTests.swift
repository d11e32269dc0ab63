import Foundation
import Testing

extension GradientTests {
  @Suite struct WorstErrors {
    /// The last of the tests, by its file's name: prints what the others found.
    @Test func report() {
      let lines = foundErrors.sorted { $0.key < $1.key }.map { name, error in
        name.padding(toLength: 32, withPad: " ", startingAt: 0)
          + String(format: "value %.1e  gradient %.1e", error.value, error.gradient)
      }
      print("worst errors against the replay in Double:\n" + lines.joined(separator: "\n"))
    }
  }
}
