import Formats
import Tensor

/// How one tensor of two checkpoints differs.
public enum TensorDifference: Sendable, Equatable {
  /// Only the first checkpoint has it.
  case onlyInFirst
  /// Only the second one has it.
  case onlyInSecond
  /// The shapes differ.
  case shapes([Int], [Int])
  /// The types differ, and one of the tensors cannot be read as numbers.
  case types(String, String)
  /// Of `count` numbers `differing` are not equal, at most by `largest`, which is NaN where one of the two is.
  case numbers(differing: Int, count: Int, largest: Double)
  /// The bytes differ, of a type that is not read as numbers.
  case bytes
}

/// Compares two checkpoints tensor by tensor, by name; formats and types may differ where the numbers are the same.
///
/// Two NaN count as equal. A tensor of either is held at a time.
///
/// - Returns: The names that differ, in order, and how.
/// - Throws: What reading throws.
public func differences(
  between first: some Checkpoint, and second: some Checkpoint
) throws(InputError) -> [(name: JSONString, difference: TensorDifference)] {
  var found: [(name: JSONString, difference: TensorDifference)] = []
  for name in Set(first.tensors.map(\.name)).union(second.tensors.map(\.name)).sorted() {
    if let difference = try difference(first.tensor(named: name), second.tensor(named: name)) {
      found.append((name, difference))
    }
  }
  return found
}

private func difference(
  _ first: (some StoredTensor)?, _ second: (some StoredTensor)?
) throws(InputError) -> TensorDifference? {
  guard let first else { return .onlyInSecond }
  guard let second else { return .onlyInFirst }
  guard first.shape == second.shape else { return .shapes(first.shape, second.shape) }
  guard first.storageFormat != nil, second.storageFormat != nil, Shape(exactly: first.shape) != nil else {
    guard first.elementType == second.elementType, first.elementType != nil else {
      return .types(first.typeName, second.typeName)
    }
    return try first.hasSameBytes(as: second) ? nil : .bytes
  }
  let (a, b) = (try first.read().widened, try second.read().widened)
  var (differing, largest) = (0, 0.0)
  a.withScalars { a in
    b.withScalars { b in
      for index in a.indices where a[index] != b[index] && !(a[index].isNaN && b[index].isNaN) {
        differing += 1
        let distance = (Double(a[index]) - Double(b[index])).magnitude
        if distance > largest || distance.isNaN { largest = distance }
      }
    }
  }
  return differing == 0 ? nil : .numbers(differing: differing, count: a.elementCount, largest: largest)
}
