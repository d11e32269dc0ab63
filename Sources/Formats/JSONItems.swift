/// The elements of an array, in order. Going over them takes no memory, however many there are.
public struct JSONElements: Sequence, Sendable {
  private let array: JSONField

  init(_ array: JSONField) { self.array = array }

  /// How many there are.
  public var count: Int { array.itemCount }

  /// Whether there are none.
  public var isEmpty: Bool { first == nil }

  /// The first one; nil where there are none.
  public var first: JSONField? {
    var elements = makeIterator()
    return elements.next()
  }

  /// The element at a position, which is gone to from the front.
  ///
  /// - Precondition: The position is not negative and below `count`.
  public subscript(_ position: Int) -> JSONField { Array(prefix(position + 1))[position] }

  /// An iterator from the front.
  public func makeIterator() -> Iterator { Iterator(array) }

  /// Goes over the elements.
  public struct Iterator: IteratorProtocol {
    private let array: JSONField
    /// The next element's place in the text, or its position in the value in memory.
    private var item: Int?

    fileprivate init(_ array: JSONField) { (self.array, item) = (array, array.firstItem) }

    /// The next element; nil after the last.
    public mutating func next() -> JSONField? {
      guard let item else { return nil }
      switch array.source {
      case .text(let document, _):
        self.item = document.next(afterValueAt: item)
        return JSONField(.text(document, item))
      case .value(.array(let elements), let path, _):
        self.item = item + 1 < elements.count ? item + 1 : nil
        return JSONField(.value(elements[item], path: "\(path)[\(item)]", isRoot: false))
      case .value: return nil
      }
    }
  }
}

/// The members of an object, in the order of the file. Going over them takes no memory, however many there are.
public struct JSONMembers: Sequence, Sendable {
  private let object: JSONField

  init(_ object: JSONField) { self.object = object }

  /// How many there are.
  public var count: Int { object.itemCount }

  /// Whether there are none.
  public var isEmpty: Bool {
    var members = makeIterator()
    return members.next() == nil
  }

  /// An iterator from the front.
  public func makeIterator() -> Iterator { Iterator(object) }

  /// Goes over the members.
  public struct Iterator: IteratorProtocol {
    private let object: JSONField
    private var item: Int?

    fileprivate init(_ object: JSONField) { (self.object, item) = (object, object.firstItem) }

    /// The next member; nil after the last.
    public mutating func next() -> (key: JSONString, field: JSONField)? {
      var key: [UInt8] = []
      return next(key: &key).map { (JSONString(utf8: key), $0) }
    }

    /// The next member's value, and its key in the memory of the one before; nil after the last.
    package mutating func next(key: inout [UInt8]) -> JSONField? {
      key.removeAll(keepingCapacity: true)
      guard let item else { return nil }
      switch object.source {
      case .text(let document, _):
        let value = document.value(ofKeyEndingAt: document.append(stringAt: item, to: &key))
        self.item = document.next(afterValueAt: value)
        return JSONField(.text(document, value))
      case .value(.object(let members), let path, let isRoot):
        self.item = item + 1 < members.count ? item + 1 : nil
        let member = members[item]
        key.append(contentsOf: member.key.utf8)
        return JSONField(
          .value(member.value, path: JSONField.path(path, to: member.key, isRoot: isRoot), isRoot: false))
      case .value: return nil
      }
    }
  }
}

extension JSONField {
  /// Where the first element or member is; nil where there are none.
  fileprivate var firstItem: Int? {
    if case .text(let document, let place) = source { return document.first(in: place) }
    return itemCount > 0 ? 0 : nil
  }
}
