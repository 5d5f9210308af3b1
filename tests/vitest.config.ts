import { fileURLToPath } from "node:url";
import { playwright } from "@vitest/browser-playwright";
import { defineConfig } from "vitest/config";
import { CHROMIUM_ARGS, FAKE_CAMERA_ARGS, chromiumPath } from "./chromium.ts";

/** Packages that browser tests import. Vite would find others during a run and reload the page. */
const PREBUNDLED = [
  "axe-core",
  "@tensorflow/tfjs-core",
  "@tensorflow/tfjs-converter",
  "@tensorflow/tfjs-backend-wasm",
  "@tensorflow-models/blazeface",
  "fast-check",
  "lit",
];

const root = fileURLToPath(new URL("..", import.meta.url));

/** @returns The browser's path, or an empty string: unit tests run without a browser. */
function installedChromium(): string {
  try {
    return chromiumPath();
  } catch {
    return "";
  }
}

export default defineConfig({
  root,
  test: {
    // A hang limit: on a busy machine the first page takes a minute. Vitest reads it here, not in a project.
    browser: { connectTimeout: 300_000 },
    projects: [
      {
        extends: true,
        test: { name: "unit", include: ["tests/unit/**/*.test.ts"], environment: "node", testTimeout: 60_000 },
      },
      {
        extends: true,
        // Tests load the built files that ship.
        publicDir: "dist",
        optimizeDeps: { noDiscovery: true, include: PREBUNDLED },
        test: {
          name: "browser",
          include: ["tests/browser/**/*.test.ts"],
          testTimeout: 60_000,
          hookTimeout: 60_000,
          fileParallelism: false,
          browser: {
            enabled: true,
            headless: true,
            screenshotFailures: false,
            provider: playwright({
              launchOptions: {
                executablePath: installedChromium(),
                args: [...CHROMIUM_ARGS, ...FAKE_CAMERA_ARGS],
              },
            }),
            instances: [{ browser: "chromium" }],
          },
        },
      },
      {
        extends: true,
        test: {
          name: "pages",
          include: ["tests/pages/**/*.test.ts"],
          environment: "node",
          testTimeout: 90_000,
          hookTimeout: 60_000,
          fileParallelism: false,
        },
      },
      {
        extends: true,
        test: {
          name: "package",
          include: ["tests/package/*.test.ts"],
          environment: "node",
          testTimeout: 240_000,
          hookTimeout: 300_000,
          fileParallelism: false,
        },
      },
    ],
  },
});
