import Formats
import Tensor

extension Tensor {
  /// The same numbers, which a model has computed.
  ///
  /// - Parameter folder: The model's folder.
  /// - Throws: `nonFinite` where one is NaN or infinite, as those of a damaged file may be.
  func checkedToBeFinite(from folder: String) throws(InputError) -> Tensor {
    guard let number = scalars.first(where: { !$0.isFinite }) else { return self }
    throw InputError(
      .nonFinite, "the model computes \(number)", at: folder,
      advice: "Its weights are damaged, or too large for their format.")
  }
}
