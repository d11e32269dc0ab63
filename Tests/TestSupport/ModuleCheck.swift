import Layers
import Tensor

/// What is wrong with a module's listing; nothing if it is right.
///
/// A walk by reflection finds every tensor that the module stores, whatever it is in: optionals, arrays, structs,
/// enumerations. Each must be shown by `visit` once, and under a name of its own.
///
/// - Parameter constants: the names of properties whose tensors are no parameters, such as tables of positions.
/// - Returns: a line for each missed tensor, each name that is used twice and each parameter that is not stored.
public func checkModule(_ module: some Module, constants: Set<String> = []) -> [String] {
  var problems: [String] = []
  var names: [String] = []
  // Every parameter becomes a number that says which one it is; a tensor that is no such number was missed.
  var marked = module
  marked.updateParameters { name, parameter in
    parameter = Tensor(marker(names.count))
    names.append(name)
  }
  for (name, count) in Dictionary(names.map { ($0, 1) }, uniquingKeysWith: +).sorted(by: { $0.key < $1.key })
  where count > 1 {
    problems.append("\(count) parameters are called \(name)")
  }
  var isFound = names.map { _ in false }
  for (path, tensor) in storedTensors(marked, path: "\(type(of: module))", constants: constants) {
    guard tensor.rank == 0, let index = names.indices.first(where: { tensor.scalar == marker($0) }) else {
      problems.append("visit misses \(path)")
      continue
    }
    if isFound[index] { problems.append("\(names[index]) is stored twice, the second time as \(path)") }
    isFound[index] = true
  }
  for (name, isFound) in zip(names, isFound) where !isFound {
    problems.append("\(name) is not stored in a property")
  }
  return problems
}

private func marker(_ index: Int) -> Float { 1234.5 + Float(index) }

private func storedTensors(_ value: Any, path: String, constants: Set<String>) -> [(path: String, tensor: Tensor)] {
  if let tensor = value as? Tensor { return [(path, tensor)] }
  return Mirror(reflecting: value).children.enumerated().flatMap { index, child in
    let label = child.label ?? "\(index)"
    return constants.contains(label) ? [] : storedTensors(child.value, path: path + "." + label, constants: constants)
  }
}
