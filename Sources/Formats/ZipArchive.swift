/// One file of a ZIP archive.
public struct ZipEntry: Sendable, Equatable {
  /// Its name; only a label, which is never used as a path.
  public let name: JSONString
  /// Its bytes when they are read.
  public let byteCount: Int
  /// Where its stored bytes lie in the archive.
  public let stored: Range<Int>
  /// Whether they are compressed by DEFLATE.
  public let isDeflated: Bool
  /// The CRC-32 of its bytes.
  public let checksum: UInt32
}

/// A ZIP archive (PKWARE's APPNOTE 6.3), read strictly: files that are stored or deflated, in one archive from its first
/// byte to its last.
///
/// Names are distinct; the files lie one after another without overlap, before the directory that lists them; what stands
/// before a file agrees with the directory. So no two readers find two contents, and no entry expands twice.
public struct ZipArchive: Sendable {
  /// The files, in the order in which they lie.
  public let entries: [ZipEntry]
  private let file: InputFile

  /// The path that it was opened by.
  public var path: String { file.path }

  /// The most files that are read.
  static let entryLimit = 1 << 16

  /// Opens an archive and reads its directory.
  ///
  /// - Throws: `badMagic`, `truncated`, `tooLarge`, `unsupported` (encryption, other compressions, several disks),
  ///   `badValue`, `badUTF8`, `duplicate`, `badOffset`, `inconsistent`, `trailing`, and what opening it throws.
  public init(opening path: String) throws(InputError) {
    file = try InputFile(opening: path)
    do throws(InputError) {
      var start = ByteReader(file)
      // An archive without files begins with its end.
      let magic: UInt32 = try start.integer()
      guard magic == Self.localMagic || magic == Self.endMagic else {
        throw InputError(.badMagic, "does not begin as a ZIP archive does")
      }
      let directory = try Self.directory(file)
      entries = try Self.entries(file, directory.range, count: directory.count)
    } catch { throw error.inside(path) }
  }

  private static let localMagic: UInt32 = 0x0403_4B50
  private static let centralMagic: UInt32 = 0x0201_4B50
  private static let endMagic: UInt32 = 0x0605_4B50
  private static let wideEndMagic: UInt32 = 0x0606_4B50
  private static let wideLocatorMagic: UInt32 = 0x0706_4B50

  /// An entry's bytes; the checksum is compared.
  ///
  /// - Throws: `budget` for more than `budget` bytes, before anything is allocated; what inflating throws; `sizeMismatch`
  ///   and `badChecksum` where the bytes are not those that the directory says; `truncated` or `io` where the file fails.
  public func bytes(of entry: ZipEntry, budget: Int = .max) throws(InputError) -> [UInt8] {
    do throws(InputError) {
      guard entry.byteCount <= budget else {
        throw InputError(.budget, "has \(entry.byteCount) bytes, more than the \(budget) allowed")
      }
      var bytes = try file.read(at: entry.stored.lowerBound, count: entry.stored.count)
      if entry.isDeflated { bytes = try Inflate.bytes(of: bytes, atMost: entry.byteCount) }
      guard bytes.count == entry.byteCount else {
        throw InputError(.sizeMismatch, "has \(bytes.count) bytes, not \(entry.byteCount)")
      }
      guard CRC32.of(bytes) == entry.checksum else {
        throw InputError(.badChecksum, "does not have the bytes of its checksum")
      }
      return bytes
    } catch { throw error.inside(entry.name.quoted).inside(path) }
  }

  /// A reader at the front of an entry, for its first bytes: of a deflated one, only `count` are there.
  package func front(_ count: Int, of entry: ZipEntry) throws(InputError) -> ByteReader {
    guard entry.isDeflated else { return ByteReader(file, entry.stored) }
    let stream = try file.read(at: entry.stored.lowerBound, count: entry.stored.count)
    return ByteReader(try Inflate.prefix(min(count, entry.byteCount), of: stream))
  }

  /// Fills `buffer` with a part of an entry that is stored as it is; the checksum is not looked at.
  package func read(_ entry: ZipEntry, part: Range<Int>, into buffer: UnsafeMutableRawBufferPointer) throws(InputError)
  {
    try file.read(at: entry.stored.lowerBound + part.lowerBound, into: buffer)
  }

  /// Where the directory lies, and how many entries it has.
  private static func directory(_ file: InputFile) throws(InputError) -> (range: Range<Int>, count: Int) {
    // The end record stands at the very end, but for a comment of at most 65,535 bytes.
    let tailStart = max(0, file.byteCount - 22 - 0xFFFF)
    let tail = try file.read(at: tailStart, count: file.byteCount - tailStart)
    guard let place = (0...max(0, tail.count - 22)).reversed().first(where: { isEnd(tail, $0) }) else {
      throw InputError(
        .truncated, "has no end record", advice: "The archive is cut short or damaged: fetch or write it again.")
    }
    var reader = ByteReader(file, tailStart + place..<file.byteCount)
    try reader.skip(to: 4)
    let (disk, first): (UInt16, UInt16) = (try reader.integer(), try reader.integer())
    let (here, all): (UInt16, UInt16) = (try reader.integer(), try reader.integer())
    let (size, start): (UInt32, UInt32) = (try reader.integer(), try reader.integer())
    guard disk == 0, first == 0, here == all else { throw InputError(.unsupported, "is a part of several") }
    var (count, range) = (UInt64(all), (start: UInt64(start), size: UInt64(size)))
    var end = tailStart + place
    if all == .max || size == .max || start == .max, end >= 20 {
      (count, range.start, range.size, end) = try wideDirectory(file, end)
    }
    let (last, overflows) = range.start.addingReportingOverflow(range.size)
    guard !overflows, last == UInt64(end), let first = Int(exactly: range.start) else {
      throw InputError(.badOffset, "has a directory that does not end where the end record begins")
    }
    guard count <= entryLimit else { throw InputError(.tooLarge, "has \(count) files, more than \(entryLimit)") }
    return (first..<end, Int(count))
  }

  /// Whether an end record with a comment up to the end stands here.
  private static func isEnd(_ tail: [UInt8], _ place: Int) -> Bool {
    guard tail.count - place >= 22, tail[place..<place + 4].elementsEqual([0x50, 0x4B, 5, 6]) else { return false }
    return Int(tail[place + 20]) | Int(tail[place + 21]) << 8 == tail.count - place - 22
  }

  /// The record that large archives have before the end record, and the locator between the two.
  private static func wideDirectory(
    _ file: InputFile, _ end: Int
  ) throws(InputError) -> (count: UInt64, start: UInt64, size: UInt64, end: Int) {
    var locator = ByteReader(file, end - 20..<end)
    guard try locator.integer(UInt32.self) == wideLocatorMagic, try locator.integer(UInt32.self) == 0 else {
      throw InputError(.badValue, "lacks the record of a large archive")
    }
    let offset: UInt64 = try locator.integer()
    guard let place = Int(exactly: offset), place <= end - 20, end - 20 - place >= 56 else {
      throw InputError(.badOffset, "has its record of a large archive at byte \(offset)")
    }
    var reader = ByteReader(file, place..<end - 20)
    guard try reader.integer(UInt32.self) == wideEndMagic else {
      throw InputError(.badValue, "lacks the record of a large archive", at: "byte \(place)")
    }
    try reader.skip(to: 24)
    let (here, all): (UInt64, UInt64) = (try reader.integer(), try reader.integer())
    let (size, start): (UInt64, UInt64) = (try reader.integer(), try reader.integer())
    guard here == all else { throw InputError(.unsupported, "is a part of several") }
    return (all, start, size, place)
  }

  private struct Listed {
    var name: JSONString
    var flags: UInt16
    var method: UInt16
    var checksum: UInt32
    var size: UInt64
    var storedSize: UInt64
    var offset: UInt64
  }

  private static func entries(
    _ file: InputFile, _ directory: Range<Int>, count: Int
  ) throws(InputError) -> [ZipEntry] {
    var reader = ByteReader(file, directory)
    var (listed, names) = ([Listed](), Set<JSONString>())
    for _ in 0..<count {
      let entry = try self.listed(&reader)
      guard names.insert(entry.name).inserted else {
        throw InputError(.duplicate, "holds \(entry.name.quoted) twice")
      }
      listed.append(entry)
    }
    try reader.end()
    listed.sort { $0.offset < $1.offset }
    var (entries, end) = ([ZipEntry](), 0)
    for entry in listed {
      do throws(InputError) {
        let stored = try stored(entry, file, from: end, before: directory.lowerBound)
        end = stored.upperBound
        let isDeflated = entry.method == 8
        guard let size = Int(exactly: entry.size), isDeflated || size == stored.count else {
          throw InputError(.sizeMismatch, "is stored as \(stored.count) bytes, but has \(entry.size)")
        }
        // DEFLATE makes at most 1032 bytes of one.
        guard size / 1032 <= stored.count else {
          throw InputError(.badValue, "cannot hold \(size) bytes in \(stored.count)")
        }
        entries.append(
          ZipEntry(name: entry.name, byteCount: size, stored: stored, isDeflated: isDeflated, checksum: entry.checksum))
      } catch { throw error.inside(entry.name.quoted) }
    }
    return entries
  }

  private static func listed(_ reader: inout ByteReader) throws(InputError) -> Listed {
    guard try reader.integer(UInt32.self) == centralMagic else {
      throw InputError(.badValue, "has a directory that lists no file here", at: reader.place)
    }
    try reader.skip(to: reader.offset + 4)
    let (flags, method): (UInt16, UInt16) = (try reader.integer(), try reader.integer())
    try reader.skip(to: reader.offset + 4)
    let (checksum, stored, size): (UInt32, UInt32, UInt32) = (
      try reader.integer(), try reader.integer(), try reader.integer()
    )
    let (nameCount, extraCount, commentCount): (UInt16, UInt16, UInt16) = (
      try reader.integer(), try reader.integer(), try reader.integer()
    )
    let disk: UInt16 = try reader.integer()
    try reader.skip(to: reader.offset + 6)
    let offset: UInt32 = try reader.integer()
    let name = try reader.bytes(Int(nameCount))
    guard firstInvalidUTF8(name) == nil else { throw InputError(.badUTF8, "has a name that is not UTF-8") }
    guard !name.isEmpty, !name.contains(0) else { throw InputError(.badValue, "has a name that is none") }
    var entry = Listed(
      name: JSONString(utf8: name), flags: flags, method: method, checksum: checksum, size: UInt64(size),
      storedSize: UInt64(stored), offset: UInt64(offset))
    var extra = ByteReader(try reader.bytes(Int(extraCount)))
    _ = try reader.bytes(Int(commentCount))
    do throws(InputError) {
      // Sizes that do not fit stand in a field of their own.
      while extra.remaining >= 4 {
        let (kind, length): (UInt16, UInt16) = (try extra.integer(), try extra.integer())
        var field = ByteReader(try extra.bytes(Int(length)))
        guard kind == 1 else { continue }
        if size == .max { entry.size = try field.integer() }
        if stored == .max { entry.storedSize = try field.integer() }
        if offset == .max { entry.offset = try field.integer() }
      }
      guard disk == 0 else { throw InputError(.unsupported, "lies on another disk") }
      guard flags & 0x41 == 0 else { throw InputError(.unsupported, "is encrypted") }
      guard method == 0 || method == 8 else {
        throw InputError(.unsupported, "is compressed by method \(method); only DEFLATE is implemented")
      }
    } catch { throw error.inside(entry.name.quoted) }
    return entry
  }

  /// Where a file's bytes lie: behind a header that says the same as the directory.
  private static func stored(
    _ entry: Listed, _ file: InputFile, from end: Int, before directory: Int
  ) throws(InputError) -> Range<Int> {
    guard let offset = Int(exactly: entry.offset), offset >= end, offset <= directory else {
      throw InputError(.badOffset, "begins at byte \(entry.offset), where \(end) was due")
    }
    // What lies between two files would be hidden from all readers but one.
    let gap = offset - end
    guard gap == 0 || gap <= 24 && end > 0 else {
      throw InputError(.badOffset, "begins at byte \(offset), where \(end) was due")
    }
    var reader = ByteReader(file, offset..<directory)
    guard try reader.integer(UInt32.self) == localMagic else {
      throw InputError(.badOffset, "does not begin at byte \(offset)")
    }
    try reader.skip(to: 6)
    let (flags, method): (UInt16, UInt16) = (try reader.integer(), try reader.integer())
    try reader.skip(to: 26)
    let (nameCount, extraCount): (UInt16, UInt16) = (try reader.integer(), try reader.integer())
    let name = try reader.bytes(Int(nameCount))
    guard name == entry.name.utf8, method == entry.method, flags & 0x41 == 0 else {
      throw InputError(.inconsistent, "is described otherwise at byte \(offset) than in the directory")
    }
    _ = try reader.bytes(Int(extraCount))
    guard let count = Int(exactly: entry.storedSize), count <= reader.remaining else {
      throw InputError(.truncated, "has \(entry.storedSize) bytes, but \(reader.remaining) follow")
    }
    let start = offset + reader.offset
    return start..<start + count
  }
}
