/**
 * The layers for rpi-image-gen, as far as they can be checked without its archive: against its documented format
 * (docs/layer/index.adoc and site/metadata_parser.py there), and against the image for PCs.
 */
import { execFileSync } from "node:child_process";
import {
  accessSync,
  constants,
  existsSync,
  lstatSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  readlinkSync,
  rmSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { expect, test } from "vitest";

const KIOSK = fileURLToPath(new URL("../../kiosk", import.meta.url));
const IMAGE = join(KIOSK, "image");
const LAYERS = join(IMAGE, "rpi/layer");
const NAMES = ["emotion-kiosk", "emotion-kiosk-image"];

/** The fields that the builder takes for a layer, and for a variable. */
const FIELDS = ["Name", "Category", "Desc", "Version", "Requires", "Provides"].map((name) => `X-Env-Layer-${name}`);
const ATTRIBUTES = ["Desc", "Required", "Valid", "Set"];
/** The keys of bdebstrap's manual that a layer may hand to mmdebstrap. */
const SECTIONS = ["packages", "setup-hooks", "customize-hooks"];

const read = (path: string) => readFileSync(path, "utf8");

/** The lines between the marks, without their comment sign, as fields in the format of Debian's control files. */
function metadataOf(layer: string): ReadonlyMap<string, string> {
  const block = /^# METABEGIN\n(.*)^# METAEND\n---\n/ms.exec(read(join(LAYERS, `${layer}.yaml`)))![1]!;
  const fields = new Map<string, string>();
  let last = "";
  for (const line of block.split("\n").map((text) => text.replace(/^# ?/, ""))) {
    if (line === "") continue;
    if (line.startsWith(" ")) fields.set(last, `${fields.get(last)!} ${line.trim()}`);
    else {
      const [, name, value] = /^([A-Za-z0-9_-]+):(?: (.*))?$/.exec(line)!;
      last = name!;
      expect(fields.has(last), `${last} stands twice`).toBe(false);
      fields.set(last, value ?? "");
    }
  }
  return fields;
}

/** The items of a list below `mmdebstrap:`. */
function listOf(layer: string, section: string): string[] {
  const body = read(join(LAYERS, `${layer}.yaml`)).split("\n---\n")[1]!;
  const list = new RegExp(`^  ${section}:\n((?:    [-#].*\n)*)`, "m").exec(body)![1]!;
  return [...list.matchAll(/^ {4}- (.*)$/gm)].map((item) => item[1]!);
}

/** The words of an array in a shell script. */
function arrayOf(script: string, name: string): string[] {
  return new RegExp(`^readonly ${name}=\\(([^)]*)\\)`, "m").exec(read(script))![1]!.trim().split(/\s+/);
}

test.each(NAMES)("%s has the fields that the builder takes, and no others", (layer) => {
  const fields = metadataOf(layer);
  expect(fields.get("X-Env-Layer-Name")).toBe(layer);
  expect(fields.get("X-Env-Layer-Version")).toMatch(/^(0|[1-9]\d*)(\.(0|[1-9]\d*)){2}$/);
  expect(fields.get("X-Env-VarPrefix")).toMatch(/^[a-z]+$/);
  for (const name of fields.keys()) {
    const variable = /^X-Env-Var-([a-z_]+)(?:-(\w+))?$/.exec(name);
    if (variable === null) expect([...FIELDS, "X-Env-VarPrefix"]).toContain(name);
    else if (variable[2] !== undefined) {
      expect(ATTRIBUTES).toContain(variable[2]);
      expect(fields.has(`X-Env-Var-${variable[1]!}`), `${name} belongs to a variable`).toBe(true);
    }
  }
});

test("a layer hands only known lists to mmdebstrap", () => {
  const body = read(join(LAYERS, "emotion-kiosk.yaml")).split("\n---\n")[1]!;
  expect([...body.matchAll(/^ {2}([\w-]+):$/gm)].map((section) => section[1])).toEqual(SECTIONS);
  expect(body.split("\n").filter((line) => !/^(mmdebstrap:| {2}[\w-]+:| {4}[-#] .*|)$/.test(line))).toEqual([]);
});

test("the packages are those of the image for PCs, less what starts a PC", () => {
  const system = arrayOf(join(IMAGE, "build.sh"), "SYSTEM_PACKAGES").filter((name) => name !== "systemd-boot-efi");
  const exhibit = arrayOf(join(KIOSK, "parts.sh"), "PACKAGES");
  expect(listOf("emotion-kiosk", "packages")).toEqual([...system, ...exhibit]);
});

test("the hooks are valid shell, and the files that they name are there", () => {
  const hooks = [...listOf("emotion-kiosk", "setup-hooks"), ...listOf("emotion-kiosk", "customize-hooks")];
  const named = hooks.flatMap((hook) =>
    [...hook.matchAll(/\$IGconf_kiosk_assets\/([\w.-]+)/g)].map((file) => file[1]!),
  );
  expect(named.toSorted()).toEqual(["customize.sh", "dpkg.conf", "initramfs-hook", "overlay-root"]);
  for (const hook of hooks) execFileSync("bash", ["-n", "-c", hook]);
  for (const file of named) expect(existsSync(join(IMAGE, file)), file).toBe(true);
  accessSync(join(IMAGE, "customize.sh"), constants.X_OK);
  const assets = metadataOf("emotion-kiosk").get("X-Env-Var-assets")!.replace("${DIRECTORY}", LAYERS);
  expect(join(assets, ".")).toBe(IMAGE);
  const release = metadataOf("emotion-kiosk").get("X-Env-Var-release")!.replace("${DIRECTORY}", LAYERS);
  expect(join(release, ".")).toBe(join(KIOSK, "../release/emotion-kiosk"));
});

test("the setup hooks put their files where the image for PCs has them", () => {
  const root = mkdtempSync(join(tmpdir(), "image-rpi-"));
  try {
    for (const hook of listOf("emotion-kiosk", "setup-hooks")) {
      execFileSync("sh", ["-euc", hook, "hook", root], { env: { ...process.env, IGconf_kiosk_assets: IMAGE } });
    }
    const build = read(join(IMAGE, "build.sh"));
    const places = [...build.matchAll(/--setup-hook="install .*\\"\\\$1\/(.*)\\""/g)].map((place) => place[1]!);
    expect(places).toHaveLength(3);
    for (const place of places) expect(existsSync(join(root, place)), place).toBe(true);
  } finally {
    rmSync(root, { recursive: true });
  }
});

test("the hook of the partitions writes a plan whose names the system mounts, and the files to edit", () => {
  const folder = mkdtempSync(join(tmpdir(), "image-rpi-"));
  try {
    const [root, plans] = [join(folder, "root"), join(folder, "plans")];
    for (const path of ["root/boot/firmware", "root/etc", "plans"]) mkdirSync(join(folder, path), { recursive: true });
    execFileSync(join(LAYERS, "emotion-kiosk-image.d/hooks/preimage10-genimage"), [root, plans], {
      env: {
        ...process.env,
        ...{ IGconf_kiosk_assets: IMAGE, IGconf_image_name: "exhibit", IGconf_image_suffix: "img", LAYER_DIR: LAYERS },
      },
    });
    const plan = read(join(plans, "genimage.cfg"));
    expect(plan).not.toMatch(/[<>]/);
    expect(plan.match(/{/g)!.length).toBe(plan.match(/}/g)!.length);
    const images = [...plan.matchAll(/^image (\S+) /gm)].map((image) => image[1]);
    const used = [...plan.matchAll(/^ {4}image = (\S+)$/gm)].map((image) => image[1]);
    expect(images).toEqual(["exhibit.img", ...used]);
    const labels = [...plan.matchAll(/label = "(.*)"/g)].map((label) => label[1]);
    const customize = listOf("emotion-kiosk", "customize-hooks").at(-1)!;
    const line = read(join(LAYERS, "emotion-kiosk-image.d/for/linux-base/cmdline.d/50-root"));
    expect(line.split("\n")).toHaveLength(2);
    expect(labels).toEqual([
      ...customize.match(/LABEL=EXHIBIT/)!.map((label) => label.slice(6)),
      /root=LABEL=(\S+)/.exec(line)![1],
      /LABEL=(kiosk-data)/.exec(customize)![1],
    ]);
    for (const file of ["emotion-kiosk.conf", "machine.conf", "README.txt"])
      expect(existsSync(join(root, "boot/firmware", file)), file).toBe(true);
    expect(lstatSync(join(root, "etc/resolv.conf")).isSymbolicLink()).toBe(true);
    expect(readlinkSync(join(root, "etc/resolv.conf"))).toBe("/run/systemd/resolve/stub-resolv.conf");
  } finally {
    rmSync(folder, { recursive: true });
  }
});
