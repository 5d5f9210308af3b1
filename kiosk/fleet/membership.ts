import { KIOSK, readObject } from "./messages.ts";

/** The file of a kiosk's membership: where its broker is, and who the kiosk is to it. */
export interface Membership {
  readonly v: 1;
  readonly kiosk: string;
  /** `mqtts://host:8883` */
  readonly broker: string;
  readonly ca: string;
  readonly certificate: string;
  readonly key: string;
  /** True to announce the kiosk to Home Assistant. */
  readonly homeAssistant: boolean;
}

/** @throws Error that says what is wrong with the file. */
export function readMembership(text: string): Membership {
  const file = readObject(text);
  const { v, kiosk, broker, ca, certificate, key, homeAssistant } = file;
  const wrong = (what: string) => new Error(`${what} Make the file anew: install.sh --add-kiosk NAME.`);
  if (v !== 1) throw wrong(`The fleet's file is of version ${String(v)}, not 1.`);
  if (typeof kiosk !== "string" || !KIOSK.test(kiosk)) throw wrong(`The kiosk's name is ${JSON.stringify(kiosk)}.`);
  if (typeof broker !== "string" || !/^mqtts:\/\/[^/]+$/.test(broker))
    throw wrong(`The broker is ${JSON.stringify(broker)}, not mqtts://HOST:PORT.`);
  for (const pem of [ca, certificate, key])
    if (typeof pem !== "string" || !pem.includes("-----BEGIN ")) throw wrong("A certificate or key is missing.");
  return {
    v,
    kiosk,
    broker,
    ca: ca as string,
    certificate: certificate as string,
    key: key as string,
    homeAssistant: homeAssistant === true,
  };
}
