/// Writes a ZIP archive of stored files, through an `AtomicFile`: it appears whole, or the old content stays.
///
/// The same files give the same bytes: no times are written, and nothing is compressed.
public struct ZipWriter {
  private let file: AtomicFile
  private var offset = 0
  private var directory: [UInt8] = []
  private var names: Set<JSONString> = []

  /// Begins an archive.
  ///
  /// - Throws: As `AtomicFile.init(replacing:)`.
  public init(replacing path: String) throws(InputError) { file = try AtomicFile(replacing: path) }

  /// Adds a file.
  ///
  /// - Parameter contents: Hands out all bytes, in pieces of any size. It is called twice, and must give the same bytes: the
  ///   checksum stands before them.
  /// - Throws: `duplicate` for a name that is there, `badValue` for one that is none, `tooLarge` beyond 4 GB, which is as far
  ///   as plain archives reach; `io` when the disk refuses; and what `contents` throws.
  public mutating func add(
    _ name: JSONString,
    contents: (_ sink: (UnsafeRawBufferPointer) throws(InputError) -> Void) throws(InputError) -> Void
  ) throws(InputError) {
    guard 1...0xFFFF ~= name.utf8.count, !name.utf8.contains(0), firstInvalidUTF8(name.utf8) == nil else {
      throw InputError(.badValue, "\(name.quoted) cannot name a file of an archive", at: file.path)
    }
    guard names.insert(name).inserted else {
      throw InputError(.duplicate, "\(name.quoted) is there twice", at: file.path)
    }
    var (crc, byteCount) = (CRC32(), 0)
    try contents { (piece) throws(InputError) in
      crc.update(piece)
      byteCount += piece.count
    }
    let end = offset + 30 + name.utf8.count + byteCount
    guard end <= 0xFFFF_FFFE, names.count < 0xFFFF else {
      throw InputError(
        .tooLarge, "would have more than 4 GB or 65,534 files", at: file.path, advice: "Write safetensors instead.")
    }
    // Version 2.0; names are UTF-8; stored; 1 January 1980.
    let common =
      Self.two(20) + Self.two(0x800) + Self.two(0) + Self.two(0) + Self.two(0x21) + Self.four(crc.value)
      + Self.four(byteCount) + Self.four(byteCount) + Self.two(name.utf8.count) + Self.two(0)
    try file.write(Self.four(0x0403_4B50) + common + name.utf8)
    var written = 0
    try contents { (piece) throws(InputError) in
      written += piece.count
      guard written <= byteCount else { throw InputError(.sizeMismatch, "changed while it was written", at: file.path) }
      try file.write(piece)
    }
    guard written == byteCount else { throw InputError(.sizeMismatch, "changed while it was written", at: file.path) }
    directory += Self.four(0x0201_4B50) + Self.two(20) + common
    directory += Self.two(0) + Self.two(0) + Self.two(0) + Self.four(0) + Self.four(offset) + name.utf8
    offset = end
  }

  /// Writes the directory, and puts the archive in its place.
  ///
  /// - Throws: As `AtomicFile.commit`.
  public func commit() throws(InputError) {
    guard offset + directory.count <= 0xFFFF_FFFE else {
      throw InputError(.tooLarge, "would have more than 4 GB", at: file.path, advice: "Write safetensors instead.")
    }
    try file.write(directory)
    try file.write(
      Self.four(0x0605_4B50) + Self.two(0) + Self.two(0) + Self.two(names.count) + Self.two(names.count)
        + Self.four(directory.count) + Self.four(offset) + Self.two(0))
    try file.commit()
  }

  /// Gives the archive up: nothing of it stays.
  public func discard() { file.discard() }

  private static func two(_ value: Int) -> [UInt8] {
    [UInt8(truncatingIfNeeded: value), UInt8(truncatingIfNeeded: value >> 8)]
  }
  private static func four(_ value: some BinaryInteger) -> [UInt8] {
    (0..<4).map { UInt8(truncatingIfNeeded: value >> (8 * $0)) }
  }
}
