/// Checks that a name found in a file names a file of the same folder, on every system, and can lead nowhere else.
///
/// - Throws: `pathEscape` for an empty name, `.`, `..`, a name that begins with `~`, holds `/`, `\`, `:` or a control
///   character, or is longer than 255 bytes.
public func checkPlainFileName(_ name: String) throws(InputError) {
  // Bytes, not characters: a slash with a combining accent is another character, but the same separator.
  let separators: [UInt8] = [UInt8(ascii: "/"), UInt8(ascii: "\\"), UInt8(ascii: ":")]
  let isPlain =
    (1...255).contains(name.utf8.count) && name != "." && name != ".." && name.utf8.first != UInt8(ascii: "~")
    && name.utf8.allSatisfy { $0 >= 0x20 && $0 != 0x7F && !separators.contains($0) }
  guard isPlain else {
    throw InputError(
      .pathEscape, "\(JSONString(name).quoted) is not the plain name of a file in the same folder",
      advice: "Do not use this file unless you trust its source.")
  }
}

/// The hidden names beside a target under which a write is prepared: `.<target>.<16 hexadecimal digits>.<role>`.
struct TemporaryName {
  enum Role: String { case part, new, old, kept, gone }

  let target: String
  let token: String

  /// A name of its own for one write of `target`.
  init(for target: String) {
    self.target = Self.shortened(target)
    let digits = String(UInt64.random(in: 0 ... .max), radix: 16)
    token = String(repeating: "0", count: 16 - digits.count) + digits
  }

  /// The role and the token of `name`, if it is a temporary one of `target`.
  static func parse(_ name: String, of target: String) -> (role: Role, temporary: TemporaryName)? {
    let prefix = Array(".\(shortened(target)).".utf8)
    let bytes = Array(name.utf8)
    guard bytes.starts(with: prefix) else { return nil }
    let parts = bytes[prefix.count...].split(separator: UInt8(ascii: "."), omittingEmptySubsequences: false)
    guard parts.count == 2, parts[0].count == 16, parts[0].allSatisfy(isHexDigit),
      let role = Role(rawValue: String(decoding: parts[1], as: UTF8.self))
    else { return nil }
    return (role, TemporaryName(target: shortened(target), token: String(decoding: parts[0], as: UTF8.self)))
  }

  private init(target: String, token: String) { (self.target, self.token) = (target, token) }

  subscript(role: Role) -> String { ".\(target).\(token).\(role.rawValue)" }

  /// Whether it is any target's temporary name.
  static func isTemporary(_ name: String) -> Bool {
    let parts = Array(name.utf8).split(separator: UInt8(ascii: "."), omittingEmptySubsequences: false)
    guard parts.count >= 4, parts[0].isEmpty, parts[parts.count - 2].count == 16 else { return false }
    return parts[parts.count - 2].allSatisfy(isHexDigit)
      && Role(rawValue: String(decoding: parts[parts.count - 1], as: UTF8.self)) != nil
  }

  private static func isHexDigit(_ byte: UInt8) -> Bool {
    UInt8(ascii: "0")...UInt8(ascii: "9") ~= byte || UInt8(ascii: "a")...UInt8(ascii: "f") ~= byte
  }

  /// File systems allow 255 bytes; two long targets that share their beginning share the prefix, which locks make safe.
  private static func shortened(_ name: String) -> String {
    var scalars = name.unicodeScalars
    while String(scalars).utf8.count > 200 { scalars.removeLast() }
    return String(scalars)
  }
}
