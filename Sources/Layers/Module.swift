@_exported import Tensor

/// A part of a model that has parameters: a struct of tensors and other modules.
///
/// `visit` is the only listing of the parameters. It loads, saves, counts, initialises and updates; the names in it are
/// those of Hugging Face's files and stand nowhere else. A type of gradients is the module's own type.
public protocol Module: Sendable {
  /// Shows every parameter, with its name, to the visitor.
  mutating func visit(_ visitor: inout some ParameterVisitor)
}

/// Where a parameter is: the names from the model down.
public struct ParameterPath: Sendable, CustomStringConvertible {
  /// The names, outermost first.
  public private(set) var components: [String] = []
  /// An empty path.
  public init() {}
  /// For a matrix that products take on their right: whether they take it transposed, as `[out, in]`.
  public private(set) var productTransposes: Bool?
  /// The names joined by dots, as checkpoints have them.
  public var description: String { components.joined(separator: ".") }

  mutating func push(_ name: String) { components.append(name) }
  mutating func pop() { components.removeLast() }
  mutating func mark(productTransposes: Bool?) { self.productTransposes = productTransposes }
}

/// Something that is shown every parameter of a module in turn.
public protocol ParameterVisitor {
  /// Where the visit is.
  var path: ParameterPath { get set }
  /// Takes one parameter, at `path`; it may change it.
  mutating func visit(_ parameter: inout Tensor)
}

extension ParameterVisitor {
  /// Shows a parameter.
  public mutating func callAsFunction(_ name: String, _ parameter: inout Tensor) {
    path.push(name)
    visit(&parameter)
    path.pop()
  }

  /// Shows a matrix that products take on their right: `[in, out]`, or `[out, in]` where they transpose it.
  public mutating func callAsFunction(_ name: String, _ parameter: inout Tensor, productTransposes: Bool) {
    path.mark(productTransposes: productTransposes)
    self(name, &parameter)
    path.mark(productTransposes: nil)
  }

  /// Shows a matrix that products take on their right, and that may be absent.
  public mutating func callAsFunction(_ name: String, _ parameter: inout Tensor?, productTransposes: Bool) {
    if parameter != nil { self(name, &parameter!, productTransposes: productTransposes) }
  }

  /// Shows a parameter that may be absent.
  public mutating func callAsFunction(_ name: String, _ parameter: inout Tensor?) {
    if parameter != nil { self(name, &parameter!) }  // in place: a copy would share the memory
  }

  /// Shows the parameters of a module.
  public mutating func callAsFunction(_ name: String, _ module: inout some Module) {
    path.push(name)
    module.visit(&self)
    path.pop()
  }

  /// Shows the parameters of a module that may be absent.
  public mutating func callAsFunction<M: Module>(_ name: String, _ module: inout M?) {
    if module != nil { self(name, &module!) }
  }

  /// Shows the parameters of a row of modules, named by their numbers.
  public mutating func callAsFunction(_ name: String, _ modules: inout [some Module]) {
    path.push(name)
    for index in modules.indices { self("\(index)", &modules[index]) }
    path.pop()
  }
}

// MARK: - What a listing is good for

private struct Lister: ParameterVisitor {
  var path = ParameterPath()
  var found: [(name: String, value: Tensor)] = []
  mutating func visit(_ parameter: inout Tensor) { found.append((path.description, parameter)) }
}

private struct Updater<Failure: Error>: ParameterVisitor {
  var path = ParameterPath()
  let body: (String, inout Tensor) throws(Failure) -> Void
  var failure: Failure?
  mutating func visit(_ parameter: inout Tensor) {
    guard failure == nil else { return }
    do throws(Failure) { try body(path.description, &parameter) } catch { failure = error }
  }
}

extension Module {
  /// All parameters with their names, in the order of the listing.
  public var parameters: [(name: String, value: Tensor)] {
    var lister = Lister()
    var copy = self
    copy.visit(&lister)
    return lister.found
  }

  /// The number of trainable numbers.
  public var parameterCount: Int { parameters.reduce(0) { $0 + $1.value.elementCount } }

  /// The bytes that the parameters take.
  public var parameterBytes: Int { parameters.reduce(0) { $0 + $1.value.byteCount } }

  /// Changes every parameter in place; stops at the first error.
  public mutating func updateParameters<Failure: Error>(
    _ body: (_ name: String, _ parameter: inout Tensor) throws(Failure) -> Void
  ) throws(Failure) {
    let failure: Failure? = withoutActuallyEscaping(body) { body in
      var updater = Updater(body: body)
      visit(&updater)
      return updater.failure
    }
    if let failure { throw failure }
  }

  /// The same module with parameters kept in `format`. Vectors (norms and biases) stay Float32: they are small, and
  /// their rounding would cost accuracy.
  public func kept(as format: StorageFormat) -> Self {
    var copy = self
    copy.updateParameters { _, parameter in
      parameter = parameter.kept(as: parameter.rank < 2 ? .float32 : format)
    }
    return copy
  }
}

private struct Packer: ParameterVisitor {
  var path = ParameterPath()
  mutating func visit(_ parameter: inout Tensor) {
    guard let transposed = path.productTransposes else { return }
    parameter = parameter.packedForProducts(transposed: transposed)
  }
}

extension Module {
  /// The same module for running it: its matrices are laid out once as products read them (`packedForProducts`).
  ///
  /// Its results have the same bits and come faster: all of decoding is one stream through memory. It may also be saved
  /// and trained, but that puts the matrices back in order each time.
  public consuming func packedForInference() -> Self {
    var packed = consume self, packer = Packer()  // matrix by matrix in place: the model is never there twice
    packed.visit(&packer)
    return packed
  }
}

/// Which parameters of a model something applies to: a value, by name.
public struct ParameterSelection: Sendable {
  private let contains: @Sendable (String, Tensor) -> Bool

  /// The parameters for which `contains` holds.
  public init(where contains: @escaping @Sendable (_ name: String, _ parameter: Tensor) -> Bool) {
    self.contains = contains
  }

  /// No parameter.
  public static let none = ParameterSelection { _, _ in false }
  /// Every parameter.
  public static let all = ParameterSelection { _, _ in true }
  /// Parameters of two axes or more: weights and embeddings, not biases or norms.
  public static let matrices = ParameterSelection { _, parameter in parameter.rank >= 2 }

  /// The parameters whose name is one of `names` or begins with one of them and a dot.
  public static func named(_ names: String...) -> ParameterSelection {
    ParameterSelection { name, _ in names.contains { name == $0 || name.hasPrefix($0 + ".") } }
  }

  /// Whether a parameter is selected.
  public func callAsFunction(_ name: String, _ parameter: Tensor) -> Bool { contains(name, parameter) }
}
