import Formats

/// A safetensors file: the header is read and validated at once, tensors are read when asked for.
///
/// It accepts what the reference implementation accepts, except that names may not repeat, that a tensor's record may
/// hold nothing but its three fields, and that more than 64 axes and more than 2^18 tensors are refused.
/// White space around the header, any header length, any order of tensors, empty tensors and scalars are legal; NaN is
/// data. Safe to use from several threads.
public final class SafetensorsFile: Sendable {
  /// The tensors, in the order of their bytes; empty ones at one place in the order of the header.
  public let entries: [SafetensorsEntry]
  /// The free text that the file carries, in its order.
  public let metadata: SafetensorsMetadata
  private let positions: NameTable
  private let file: InputFile
  private let dataStart: Int

  /// The path that it was opened by.
  public var path: String { file.path }

  /// Opens and validates a file. No memory is taken by what a number in the file claims.
  ///
  /// - Throws: `truncated`, `tooLarge` (a header above 100 MB or with too many entries), `badUTF8`, `badJSON`, `duplicate`, `missing`, `wrongType`,
  ///   `badValue`, `unknownDType`, `overflow`, `sizeMismatch`, `badOffset`,
  ///   `trailing`; `badMagic` or `unsupported` when it is another well-known kind of file, and what opening it throws.
  public init(opening path: String) throws(InputError) {
    file = try InputFile(opening: path)
    let header: SafetensorsHeader
    do throws(InputError) {
      var reader = ByteReader(file)
      let bytes = try Self.headerBytes(&reader)
      dataStart = reader.offset
      do throws(InputError) {
        header = try SafetensorsHeader(parsing: bytes, dataByteCount: file.byteCount - dataStart)
      } catch { throw error.inside("header") }
    } catch {
      // Only now: the first bytes of other formats may also be those of a valid file.
      throw (foreignFormat(try file.read(at: 0, count: min(file.byteCount, 64))) ?? error).inside(path)
    }
    (entries, metadata) = (header.entries, header.metadata)
    positions = NameTable(count: entries.count) { [entries] in entries[$0].name }
  }

  /// The tensor of this name, compared by bytes; nil when there is none.
  public func entry(named name: String) -> SafetensorsEntry? { entry(named: JSONString(name)) }

  /// The tensor of this name, compared by bytes; nil when there is none.
  public func entry(named name: JSONString) -> SafetensorsEntry? { position(of: name).map { entries[$0] } }

  /// The position of a name in `entries`.
  func position(of name: JSONString) -> Int? { positions.position(of: name) { entries[$0].name } }

  /// The bytes of all tensors together.
  public var dataByteCount: Int { file.byteCount - dataStart }

  /// Fills `buffer` with a tensor's bytes, or with the part `part` of them.
  ///
  /// - Precondition: The entry is one of this file's, `part` lies within it, and the buffer has exactly as many bytes.
  /// - Throws: `truncated` when the file was cut short since it was opened, `io` when the disk fails.
  public func read(
    _ entry: SafetensorsEntry, part: Range<Int>? = nil, into buffer: UnsafeMutableRawBufferPointer
  ) throws(InputError) {
    let part = part ?? 0..<entry.byteRange.count
    precondition(
      entry.byteRange.upperBound <= dataByteCount && part.lowerBound >= 0 && part.upperBound <= entry.byteRange.count,
      "SafetensorsFile.read: bytes \(part) of the \(entry.byteRange.count) of \(entry.name.quoted) in \(path)")
    precondition(
      buffer.count == part.count,
      "SafetensorsFile.read: a buffer of \(buffer.count) bytes for \(part.count) of \(entry.name.quoted)")
    do throws(InputError) {
      try file.read(at: dataStart + entry.byteRange.lowerBound + part.lowerBound, into: buffer)
    } catch {
      throw InputError(error.kind, "\(entry.name.quoted): \(error.what)", at: error.place, advice: error.advice)
    }
  }

  /// A tensor's bytes.
  ///
  /// - Precondition: The entry is one of this file's.
  /// - Throws: `budget` for more than `budget` bytes, before anything is allocated; and as reading into a buffer.
  public func bytes(of entry: SafetensorsEntry, budget: Int = .max) throws(InputError) -> [UInt8] {
    guard entry.byteRange.count <= budget else {
      throw InputError(
        .budget, "\(entry.name.quoted) has \(entry.byteRange.count) bytes, more than the \(budget) allowed", at: path)
    }
    var bytes = [UInt8](repeating: 0, count: entry.byteRange.count)
    try bytes.withUnsafeMutableBufferPointer { (buffer) throws(InputError) in
      try read(entry, into: UnsafeMutableRawBufferPointer(buffer))
    }
    return bytes
  }

  /// The bytes of the header, which follow their number.
  private static func headerBytes(_ reader: inout ByteReader) throws(InputError) -> [UInt8] {
    let declared: UInt64 = try reader.integer()
    guard declared <= SafetensorsHeader.byteLimit, let count = Int(exactly: declared) else {
      throw InputError(
        .tooLarge, "claims a header of \(declared) bytes, more than \(SafetensorsHeader.byteLimit)",
        advice: "It is no safetensors file, or damaged.")
    }
    return try reader.bytes(count)
  }
}
