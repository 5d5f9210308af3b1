import { existsSync } from "node:fs";
import type { Settings } from "./settings.ts";

/** The kiosk's membership in a fleet, where it has one. */
const FLEET_FILE = "/etc/emotion-kiosk-fleet.json";

/** @returns The only origin that the browser may open and that may use the camera. */
function origin(settings: Settings): string {
  return `http://localhost:${settings.port}`;
}

/** @returns The kiosk page's address, with flags for the settings. The flag `kiosk` locks the page for visitors. */
export function kioskUrl(settings: Settings): string {
  const flags = new URLSearchParams();
  flags.set("kiosk", "");
  if (settings.language !== "") flags.set("lang", settings.language);
  if (settings.theme !== "dark") flags.set("theme", settings.theme);
  if (settings.cameraName !== "") flags.set("camera", settings.cameraName);
  if (settings.hours !== "") flags.set("hours", settings.hours);
  if (settings.cameraRotation !== 0) flags.set("rotate", String(settings.cameraRotation));
  flags.set("max-faces", String(settings.maxFaces));
  // The notice that visitors read depends on it.
  if (settings.statistics === "on") flags.set("statistics", existsSync(FLEET_FILE) ? "sent" : "kept");
  return `${origin(settings)}/?${flags.toString().replace("kiosk=", "kiosk")}`;
}

/** @returns Chromium's arguments, without its profile's folder. The sandbox always stays on. */
export function chromiumArguments(settings: Settings): string[] {
  // Chromium ignores a misspelt feature without a message. This is Chromium 156's spelling.
  const csi = settings.camera === "csi";
  return [
    "--start-maximized",
    "--ozone-platform=wayland",
    "--no-first-run",
    "--no-default-browser-check",
    "--noerrdialogs",
    "--hide-crash-restore-bubble",
    "--password-store=basic",
    "--disable-component-update",
    "--disable-background-networking",
    "--disable-sync",
    "--disable-pinch",
    "--disable-breakpad",
    "--overscroll-history-navigation=0",
    "--check-for-update-interval=31536000",
    // Raspberry Pi OS's script starts with a question on boards of less than 1 GB; Chromium itself does not know the flag.
    "--no-memcheck",
    `--disable-features=${["Translate", ...(csi ? [] : ["WebRtcPipeWireCamera"])].join(",")}`,
    ...(csi ? ["--enable-features=WebRtcPipeWireCamera"] : []),
    ...(settings.gpu === "off" ? ["--disable-gpu"] : []),
    ...settings.browserFlags,
    // In an app window the page gets each key before the browser and can refuse it. In a tab Ctrl+N belongs to the browser,
    // whose new window would cover the exhibit. --kiosk is left out: with --app it ends Chromium 156 on Wayland, and cage
    // shows every window on the whole screen.
    `--app=${kioskUrl(settings)}`,
  ];
}

/**
 * Make Chromium's managed policy: one local origin may use the camera, no other page opens, and nothing pops up, calls
 * home or asks a visitor a question. See https://chromeenterprise.google/policies/.
 */
export function managedPolicy(settings: Settings): Record<string, unknown> {
  const BLOCK = 2;
  return {
    VideoCaptureAllowed: false,
    VideoCaptureAllowedUrls: [origin(settings)],
    AudioCaptureAllowed: false,
    ScreenCaptureAllowed: false,
    EnableMediaRouter: false, // looks for screens to cast to, on every network
    // The longer path wins: what the owner reads is not the visitors'.
    URLBlocklist: [
      "*",
      ...["statistics.html", "statistics.json", "statistics.csv", "metrics"].map(
        (path) => `${origin(settings)}/${path}`,
      ),
    ],
    URLAllowlist: [origin(settings)],
    DeveloperToolsAvailability: BLOCK,
    RemoteDebuggingAllowed: false,
    DownloadRestrictions: 3,
    AllowFileSelectionDialogs: false,
    PrintingEnabled: false,
    ExtensionInstallBlocklist: ["*"],
    IncognitoModeAvailability: 1,
    BrowserSignin: 0,
    SyncDisabled: true,
    PasswordManagerEnabled: false,
    AutofillAddressEnabled: false,
    AutofillCreditCardEnabled: false,
    TranslateEnabled: false,
    SpellcheckEnabled: false,
    SearchSuggestEnabled: false,
    PromotionsEnabled: false,
    DefaultBrowserSettingEnabled: false,
    CommandLineFlagSecurityWarningsEnabled: false,
    BackgroundModeEnabled: false,
    MetricsReportingEnabled: false,
    ComponentUpdatesEnabled: false,
    SafeBrowsingProtectionLevel: 0,
    NetworkPredictionOptions: 2,
    DnsOverHttpsMode: "off",
    DefaultPopupsSetting: BLOCK,
    DefaultNotificationsSetting: BLOCK,
    DefaultGeolocationSetting: BLOCK,
    DefaultSensorsSetting: BLOCK,
    DefaultWebBluetoothGuardSetting: BLOCK,
    DefaultWebUsbGuardSetting: BLOCK,
    DefaultWebHidGuardSetting: BLOCK,
    DefaultSerialGuardSetting: BLOCK,
    DefaultLocalFontsSetting: BLOCK,
    DefaultWindowManagementSetting: BLOCK,
  };
}
