import Formats

// Members, elements and slices of values.
extension TemplateInterpreter {
  /// A member by its name: for mappings a method, then an entry.
  mutating func attribute(_ name: String, of value: TemplateValue) throws(InputError) -> TemplateValue {
    if case .undefined(let missing) = value {
      throw error("asks \(quoted(missing.utf8)), which is undefined, for its \(quoted(name.utf8))")
    }
    if TemplateMethods.isOne(name, of: value) { return .function(.method(value, name)) }
    switch value {
    case .dictionary(let dictionary): return dictionary[name] ?? .undefined(name)
    case .namespace(let namespace): return namespace.members[JSONString(name)] ?? .undefined(name)
    case .loop(let loop): return loop.member(name) ?? .undefined(name)
    default: return .undefined(name)
    }
  }

  /// An element by its place or key, or else a member.
  mutating func item(_ key: TemplateValue, of value: TemplateValue) throws(InputError) -> TemplateValue {
    switch value {
    case .undefined(let missing): throw error("takes an element of \(quoted(missing.utf8)), which is undefined")
    case .dictionary(let dictionary):
      if let key = TemplateDictionary.Key(key), let value = dictionary[key] { return value }
    case .list(let elements), .tuple(let elements):
      if let place = Self.place(key, elements.count) { return elements[place] }
    case .string(let text):
      if let place = key.integer {
        try spend(text.utf8.count)
        let scalars = text.text.unicodeScalars.map { $0 }
        if let place = Self.place(.int(place), scalars.count) { return .text(String(scalars[place])) }
      }
    default: break
    }
    guard case .string(let name) = key else { return .undefined("\(key.written.text)") }
    if case .dictionary = value, !TemplateMethods.isOne(name.text, of: value) { return .undefined(name.text) }
    return try attribute(name.text, of: value)
  }

  /// A place in a list, counted from the end if it is negative.
  private static func place(_ key: TemplateValue, _ count: Int) -> Int? {
    guard let place = key.integer, place >= -count, place < count else { return nil }
    return place < 0 ? place + count : place
  }

  mutating func slice(
    _ value: TemplateValue, _ start: Int?, _ end: Int?, _ stride: Int
  ) throws(InputError) -> TemplateValue {
    func part<Element>(_ elements: [Element]) -> [Element] {
      let count = elements.count
      func clamped(_ place: Int, _ range: ClosedRange<Int>) -> Int {
        min(max(place < 0 ? max(place, -count - 1) + count : min(place, count), range.lowerBound), range.upperBound)
      }
      if stride > 0 {
        let first = clamped(start ?? 0, 0...count)
        let last = clamped(end ?? count, 0...count)
        guard first < last else { return [] }
        return Swift.stride(from: first, to: last, by: min(stride, count)).map { elements[$0] }
      }
      let first = start.map { clamped($0, -1...(count - 1)) } ?? count - 1
      let last = end.map { clamped($0, -1...(count - 1)) } ?? -1
      guard first > last else { return [] }
      return Swift.stride(from: first, to: last, by: max(stride, -count)).map { elements[$0] }
    }
    guard stride != 0 else { throw error("slices by steps of 0") }
    switch value {
    case .list(let elements):
      try spend(elements.count)
      return .list(elements.isEmpty ? [] : part(elements))
    case .tuple(let elements): return .tuple(elements.isEmpty ? [] : part(elements))
    case .string(let text):
      try spend(text.utf8.count)
      let scalars = Array(text.text.unicodeScalars)
      var out: [UInt8] = []
      for scalar in scalars.isEmpty ? [] : part(scalars) { Tokenizers.append(scalar.value, to: &out) }
      return .string(JSONString(utf8: out))
    default: throw error("slices \(value.kindName)")
    }
  }
}
