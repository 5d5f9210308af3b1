import { existsSync } from "node:fs";
import type { Settings } from "./settings.ts";

/** The kiosk's membership in a fleet, where it has one. */
const FLEET_FILE = "/etc/emotion-kiosk-fleet.json";

/** The one origin that the browser may reach and that may have the camera. */
function origin(settings: Settings): string {
  return `http://localhost:${settings.port}`;
}

/** The kiosk page with the flags that the settings ask for. `kiosk` starts the page's heartbeat. */
export function kioskUrl(settings: Settings): string {
  const flags = new URLSearchParams();
  flags.set("kiosk", "");
  if (settings.language !== "") flags.set("lang", settings.language);
  if (settings.theme !== "dark") flags.set("theme", settings.theme);
  if (settings.cameraName !== "") flags.set("camera", settings.cameraName);
  if (settings.hours !== "") flags.set("hours", settings.hours);
  flags.set("max-faces", String(settings.maxFaces));
  // The notice that visitors read depends on it.
  if (settings.statistics === "on") flags.set("statistics", existsSync(FLEET_FILE) ? "sent" : "kept");
  return `${origin(settings)}/?${flags.toString().replace("kiosk=", "kiosk")}`;
}

/** Chromium's command line, without its own name and its throw-away profile. The sandbox stays on, always. */
export function chromiumArguments(settings: Settings): string[] {
  // A misspelt feature is ignored in silence; these two are spelt as Chromium 156 spells them.
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
    `--disable-features=${["Translate", ...(csi ? [] : ["WebRtcPipeWireCamera"])].join(",")}`,
    ...(csi ? ["--enable-features=WebRtcPipeWireCamera"] : []),
    ...(settings.gpu === "off" ? ["--disable-gpu"] : []),
    ...settings.browserFlags,
    // As an app the page is asked before the browser at each key, and can refuse it: in a tab, Ctrl+N belongs to the
    // browser and covers the exhibit with a new window for good. Not with --kiosk: an app that asks for the whole screen
    // ends Chromium 156 on Wayland. cage gives it the whole screen unasked.
    `--app=${kioskUrl(settings)}`,
  ];
}

/**
 * The managed policy: the camera for one local origin and nobody else, no other page at all, and nothing that pops up,
 * calls home or asks a visitor a question. https://chromeenterprise.google/policies/
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
