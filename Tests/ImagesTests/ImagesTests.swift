import Foundation
import Images
import Tensor
import Testing

/// Small pictures that Tests/Fixtures/make_pipeline_fixtures.py writes, with the bytes that Pillow makes of them.
enum ImageFixture {
  static let folder = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
    .appending(path: "Fixtures/Images")
  static func bytes(_ name: String) throws -> [UInt8] { Array(try Data(contentsOf: folder.appending(path: name))) }
  private static let names = ((try? FileManager.default.contentsOfDirectory(atPath: folder.path)) ?? []).sorted()
  static let pngs: [String] = names.filter { $0.hasSuffix(".png") }.map { String($0.dropLast(4)) }
  static let resized: [String] =
    names.filter { $0.hasSuffix(".rgb") && !$0.hasPrefix("type") }.map { String($0.dropLast(4)) }
}

/// The kind of the error that `body` throws; nil when it throws none.
func errorKind<T>(_ body: () throws(InputError) -> T) -> InputError.Kind? {
  do {
    _ = try body()
    return nil
  } catch { return error.kind }
}

func kind(_ file: [UInt8]) -> InputError.Kind? {
  errorKind { () throws(InputError) in try Image(decoding: file) }
}

@Suite struct PNGTests {
  @Test func allFixturesAreThere() { #expect(ImageFixture.pngs.count == 30 && ImageFixture.resized.count == 30) }

  @Test(arguments: ImageFixture.pngs) func pixelsArePillows(_ name: String) throws {
    let image = try Image(decoding: ImageFixture.bytes(name + ".png"))
    #expect(image.width == 13 && image.height == 9)
    #expect(image.bytes == (try ImageFixture.bytes(name + ".rgb")))
    #expect(try Image(opening: ImageFixture.folder.appending(path: name + ".png").path) == image)
  }

  /// A file with each byte changed in turn, and cut at each place: the picture or an error, never a crash.
  @Test(arguments: ["type3-depth4-interlaced", "type6-depth16", "type0-depth1"]) func damagedFiles(_ name: String)
    throws
  {
    let file = try ImageFixture.bytes(name + ".png"), whole = try Image(decoding: file)
    for index in file.indices {
      #expect(kind(Array(file[..<index])) != nil, "cut at \(index)")
      for change in [1, 0x80, 0xFF] as [UInt8] {
        var damaged = file
        damaged[index] ^= change
        // Only the type of a chunk that may be left aside can change without notice, and then its checksum does not.
        #expect(kind(damaged) != nil, "byte \(index)")
      }
    }
    #expect(try Image(decoding: file + [1, 2, 3]) == whole, "what stands after the end is not looked at")
  }

  /// The file's chunks: type and contents.
  private func chunks(_ file: [UInt8]) -> [(type: String, body: [UInt8])] {
    var (result, at) = ([(type: String, body: [UInt8])](), 8)
    while at + 12 <= file.count {
      let length = file[at..<at + 4].reduce(0) { $0 << 8 | Int($1) }
      result.append((String(decoding: file[at + 4..<at + 8], as: UTF8.self), Array(file[at + 8..<at + 8 + length])))
      at += 12 + length
    }
    return result
  }

  private func file(_ chunks: [(type: String, body: [UInt8])]) -> [UInt8] {
    func number(_ value: UInt32) -> [UInt8] { (0..<4).map { UInt8(truncatingIfNeeded: value >> (24 - 8 * $0)) } }
    return [0x89, 0x50, 0x4E, 0x47, 0x0D, 0x0A, 0x1A, 0x0A]
      + chunks.flatMap { chunk in
        let content = Array(chunk.type.utf8) + chunk.body
        return number(UInt32(chunk.body.count)) + content + number(CRC32.of(content))
      }
  }

  @Test func filesThatContradictThemselves() throws {
    let whole = try ImageFixture.bytes("type3-depth8.png"), parts = chunks(whole)
    #expect(file(parts) == whole && parts.map(\.type) == ["IHDR", "tEXt", "PLTE", "tRNS", "IDAT", "IDAT", "IEND"])
    func changed(_ change: (inout [(type: String, body: [UInt8])]) -> Void) -> InputError.Kind? {
      var copy = parts
      change(&copy)
      return kind(file(copy))
    }
    #expect(changed { $0.removeFirst() } == .missing)
    #expect(changed { $0.swapAt(0, 1) } == .missing)
    #expect(changed { $0.insert($0[0], at: 1) } == .duplicate)
    #expect(changed { $0.remove(at: 2) } == .missing, "no palette")
    #expect(changed { $0.insert($0[2], at: 3) } == .duplicate)
    #expect(changed { $0[2].body = Array($0[2].body.dropLast()) } == .badValue)
    #expect(changed { $0[2].body = Array($0[2].body.prefix(3)) } == .badValue, "colours that are not there")
    #expect(changed { $0[2].body = [] } == .badValue)
    #expect(changed { $0.insert(("tEXt", []), at: 5) } == .inconsistent, "pixels in two places")
    #expect(changed { $0.removeSubrange(4...5) } == .missing)
    #expect(changed { $0.remove(at: 5) } == .truncated)
    #expect(changed { $0.removeLast() } == .truncated)
    #expect(changed { $0.insert(("NEWS", []), at: 1) } == .unsupported)
    #expect(changed { $0.insert(("neWs", [1]), at: 1) } == nil)
    #expect(changed { $0[1].type = "t xt" } == .badValue)
    func header(_ index: Int, _ values: [UInt8]) -> InputError.Kind? {
      changed { $0[0].body.replaceSubrange(index..<index + values.count, with: values) }
    }
    #expect(header(0, [0, 0, 0, 0]) == .badValue && header(4, [0, 0, 0, 0]) == .badValue)
    #expect(header(0, [255, 255, 255, 255]) == .budget && header(0, [0, 255, 255, 255, 0, 255, 255, 255]) == .budget)
    #expect(header(0, [0, 0, 0, 14]) == .truncated && header(0, [0, 0, 0, 12]) == .budget)
    for depth in [0, 3, 16, 255] as [UInt8] { #expect(header(8, [depth]) == .badValue) }
    for color in [1, 5, 7, 255] as [UInt8] { #expect(header(9, [color]) == .badValue) }
    for index in 10...12 { #expect(header(index, [7]) == .unsupported) }
    #expect(changed { $0[0].body.append(0) } == .missing)
    // A palette where there are no colours.
    var grey = chunks(try ImageFixture.bytes("type0-depth8.png"))
    grey.insert(("PLTE", [1, 2, 3]), at: 1)
    #expect(kind(file(grey)) == .inconsistent)
  }

  /// A few bytes that claim the largest picture cost neither time nor memory beyond what is there.
  @Test func hugeClaims() async throws {
    var parts = chunks(try ImageFixture.bytes("type6-depth16.png"))
    parts[0].body.replaceSubrange(0..<8, with: [0, 0, 32, 0, 0, 0, 32, 0])
    // In a process of its own, whose processor time and memory no other test takes.
    await #expect(processExitsWith: .success) { [claims = file(parts) as [UInt8]] in
      let (start, peak) = (clock(), Memory.processPeakBytes)
      #expect(kind(claims) == .truncated)
      #expect(clock() - start < clock_t(CLOCKS_PER_SEC) && Memory.processPeakBytes - peak < 32 << 20)
    }
  }

  @Test func otherFiles() throws {
    for bytes in [[], [0x89], Array("GIF89a".utf8), Array("P7\n".utf8), [0xFF, 0xD8, 0xFF, 0xE0], Array("P".utf8)] {
      #expect(kind(bytes) == .unsupported)
    }
    #expect(errorKind { () throws(InputError) in try Image(opening: "/nonexistent") } == .notFound)
    do throws(InputError) { _ = try Image(opening: #filePath) } catch {
      #expect(error.place.hasPrefix(#filePath) && error.advice.contains("PNG"))
    }
  }
}

@Suite struct PixmapTests {
  private func image(_ header: String, _ bytes: [UInt8] = []) throws(InputError) -> Image {
    try Image(decoding: Array(header.utf8) + bytes)
  }

  // What Pillow makes of each.
  @Test func valuesArePillows() throws {
    func grey(_ values: [UInt8]) -> [UInt8] { values.flatMap { [$0, $0, $0] } }
    #expect(try image("P5 5 1 7\n", [0, 1, 2, 3, 7]).bytes == grey([0, 36, 73, 109, 255]))
    #expect(try image("P2 5 1 7\n0 1 2 3 7\n").bytes == grey([0, 36, 73, 109, 255]))
    #expect(try image("P6 1 2 100\n", [0, 5, 1, 0, 100, 3]).bytes == [0, 13, 3, 0, 255, 8])
    #expect(try image("P3 2 1 1000\n0 500 1000 1 2 3\n").bytes == [0, 128, 255, 0, 1, 1])
    #expect(try image("P6 1 1 65535\n", [0, 5, 1, 0, 200, 3]).bytes == [0, 1, 199])
    #expect(try image("P5\n# a comment\n2 #another\r1\n255\n", [10, 13]).bytes == grey([10, 13]))
    #expect(try image("P3\t1\n1 255 1 2 3# end").bytes == [1, 2, 3])
    // Sixteen bits of grey are scaled, where Pillow cuts them off.
    #expect(try image("P5 2 1 65535\n", [128, 0, 255, 255]).bytes == grey([128, 255]))
  }

  @Test func whatIsWrong() {
    func kind(_ header: String, _ bytes: [UInt8] = []) -> InputError.Kind? {
      errorKind { () throws(InputError) in try image(header, bytes) }
    }
    #expect(kind("P1 1 1 1") == .unsupported && kind("P4 1 1 ") == .unsupported)
    #expect(kind("P5") == .truncated && kind("P5 3") == .truncated && kind("P5 3 x 255 ") == .badValue)
    #expect(kind("P5 0 1 255\n") == .badValue && kind("P5 1 1 0\n") == .badValue && kind("P5 -1 1 255\n") == .badValue)
    #expect(kind("P5 1 1 65536\n") == .tooLarge && kind("P5 99999999999999999999 1 255\n") == .tooLarge)
    #expect(kind("P5 1073741824 1073741824 255\n") == .budget && kind("P6 60000 60000 255\n") == .budget)
    #expect(kind("P5 2 2 255\n", [1, 2, 3]) == .truncated && kind("P6 8000 8000 255\n", [1]) == .truncated)
    #expect(kind("P3 8000 8000 255\n1 2") == .truncated)
    #expect(kind("P2 2 1 7\n1 8") == .badValue && kind("P5 2 1 7\n", [1, 8]) == .badValue)
    #expect(kind("P2 2 1 7\n1 x") == .badValue && kind("P2 2 1 7\n1 2x") == .badValue && kind("P2 1 1 7") == .truncated)
    #expect(kind("P5 1 1 255") == .truncated && kind("P52 1 255\n", [1, 2]) == .badValue)
  }
}

@Suite struct ResizingTests {
  @Test(arguments: ImageFixture.resized) func bytesArePillows(_ name: String) throws {
    let parts = name.split(separator: "-"), sides = parts[1].split(separator: "x").map { Int($0) ?? 0 }
    let filter = try #require(Resampling.allCases.first { "\($0)" == parts[0] })
    let source = try Image(decoding: ImageFixture.bytes("source.ppm"))
    let found = try source.resized(width: sides[0], height: sides[1], filter)
    #expect(found.width == sides[0] && found.height == sides[1])
    #expect(found.bytes == (try ImageFixture.bytes(name + ".rgb")))
  }

  @Test func sizesThatAreTooMuch() throws {
    let source = try Image(decoding: ImageFixture.bytes("source.ppm"))
    #expect(try source.resized(width: 37, height: 23, .bicubic) == source)
    func kind(_ image: Image, _ width: Int, _ height: Int) -> InputError.Kind? {
      errorKind { () throws(InputError) in try image.resized(width: width, height: height, .bilinear) }
    }
    #expect(kind(source, 0, 3) == .badValue && kind(source, 3, -1) == .badValue)
    #expect(kind(source, 1 << 40, 3) == .budget && kind(source, 1 << 14, 1 << 14) == .budget)
    let tall = Image(width: 1, height: 100_000, bytes: [UInt8](repeating: 7, count: 300_000))
    // Between the two passes.
    #expect(kind(tall, 60_000, 100_000 - 1) == .budget && kind(tall, 1, 1) == nil)
  }
}

@Suite struct ImageProcessorTests {
  private func processor(_ text: String) throws(InputError) -> ImageProcessor {
    try ImageProcessor(JSONField(try JSONValue(parsing: Array(text.utf8))))
  }

  @Test func whatFilesSay() throws {
    #expect(try processor("{}") == ImageProcessor())
    #expect(try processor("{\"feature_extractor_type\": \"ViTFeatureExtractor\", \"size\": 224}") == ImageProcessor())
    let deit = try processor("{\"image_processor_type\": \"DeiTImageProcessorFast\"}")
    #expect(deit.crop == .init(height: 224, width: 224) && deit.target == .size(.init(height: 256, width: 256)))
    #expect(deit.resampling == .bicubic)
    let bare = try processor("{\"do_resize\": false, \"do_rescale\": false, \"do_normalize\": false}")
    #expect(bare.target == nil && bare.crop == nil && bare.rescaling == nil && bare.normalization == nil)
    let image = Image(width: 2, height: 1, bytes: [1, 2, 3, 4, 5, 6])
    #expect(try bare(image).scalars == [1, 4, 2, 5, 3, 6] && bare(image).shape == [1, 3, 1, 2])
    let edge = try processor("{\"size\": {\"shortest_edge\": 4}}")
    #expect(try edge(image).shape == [1, 3, 4, 8])
    #expect(try processor("{\"image_mean\": 0.5}").normalization?.mean == [0.5, 0.5, 0.5])
  }

  @Test func hostileSettings() {
    func kind(_ text: String) -> InputError.Kind? { errorKind { () throws(InputError) in try processor(text) } }
    #expect(kind("{\"image_processor_type\": \"CLIPImageProcessor\"}") == .unsupported)
    #expect(kind("{\"resample\": 0}") == .unsupported && kind("{\"resample\": \"bicubic\"}") == .wrongType)
    for size in ["0", "-3", "{\"height\": 0, \"width\": 3}"] { #expect(kind("{\"size\": \(size)}") == .badValue) }
    #expect(kind("{\"size\": 100000}") == .tooLarge && kind("{\"size\": {\"width\": 3}}") == .missing)
    #expect(kind("{\"do_center_crop\": true, \"crop_size\": {\"shortest_edge\": 3}}") == .badValue)
    #expect(kind("{\"image_std\": [1, 0, 1]}") == .badValue && kind("{\"image_mean\": [1, 2]}") == .badValue)
    #expect(kind("{\"rescale_factor\": 0}") == .badValue && kind("{\"do_resize\": 1}") == .wrongType)
    #expect(kind("[]") == .wrongType)
    let tall = Image(width: 1, height: 100_000, bytes: [UInt8](repeating: 7, count: 300_000))
    #expect(
      errorKind { () throws(InputError) in try processor("{\"size\": {\"shortest_edge\": 8000}}")(tall) } == .budget)
  }
}
