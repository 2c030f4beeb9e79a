import Testing

@testable import TOMLInput

@Suite("TOML from outside")
struct TOMLInputTests {
  @Test(
    "a table header that begins with no key is an error with its place, not the end of the process",
    arguments: [
      "[{\"svn\":6},{\"svn\":8}]", "a = 1\n  [ {x} ]\n", "[[{", "[ =", "[.a]", "[\u{E9}]",
      "x = '''\n[{\n'''\n[{", "x = [\n1,\n]\n[[ ,", "[\u{0}",
    ])
  func badHeaders(text: String) {
    #expect(throws: TOMLInput.Failure.self) { try TOMLInput.parse(text) }
  }

  @Test(
    "a brace where a list wants a value is an error with its place, not the end of the process",
    arguments: [
      "x = [}]", "x = [1,}\"b\"]", "x = [\n  'a', # b\n  }", "x = [[1], [}]]", "x = {a = [}]}",
      "x = [ \"]\", }", "[a]\nx = [{b = 1}, }",
    ])
  func braces(text: String) {
    #expect {
      try TOMLInput.parse(text)
    } throws: { error in
      (error as? TOMLInput.Failure)?.reason == "a } in a list, which ends with ]"
    }
  }

  @Test("where it is")
  func place() {
    var scan = FaultScan("a = 1 # [{\n\n  [ {x} ]\n")
    let header = scan.firstFault()
    #expect(header?.line == 3 && header?.column == 5)
    scan = FaultScan("a = 1\nb = ['x',\n }]")
    let brace = scan.firstFault()
    #expect(brace?.line == 3 && brace?.column == 2)
  }

  @Test(
    "what looks like such a fault and is none",
    arguments: [
      "x = [\n  [1], [2]\n]\n", "x = [\n  [{a = 1}],\n]\n", "s = \"\"\"\n[{\n\"\"\"\n",
      "s = '''\n[{'''\n[a]\n", "s = \"\\\"\"\n[\"q\".b]\n[['x']]\n", "# [{\n[ a . b ]\n",
      "x = [{a = [{}, {b = \"}\"}]}, '}', \"\"\"\n}\"\"\"] # }\n",
    ])
  func goodHeaders(text: String) throws {
    _ = try TOMLInput.parse(text)
  }
}
