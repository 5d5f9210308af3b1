import { topic } from "./messages.ts";

/**
 * Say what Home Assistant needs to show a kiosk as a device without any typing: MQTT device discovery, retained on
 * `homeassistant/device/<kiosk>/config`. https://www.home-assistant.io/integrations/mqtt/#device-discovery-payload
 */
export function discovery(kiosk: string): object {
  const id = `emotion_kiosk_${kiosk.replaceAll("-", "_")}`;
  const sensor = (name: string, field: string, more: object = {}) => ({
    platform: "sensor",
    name,
    unique_id: `${id}_${field}`,
    state_topic: topic(kiosk, "health"),
    value_template: `{{ value_json.${field} }}`,
    ...more,
  });
  return {
    device: { identifiers: [id], name: `Emotion kiosk ${kiosk}`, manufacturer: "emotion-cam", model: "Kiosk" },
    origin: { name: "emotion-cam" },
    availability_topic: topic(kiosk, "status"),
    components: {
      online: {
        platform: "binary_sensor",
        name: "Online",
        unique_id: `${id}_online`,
        device_class: "connectivity",
        state_topic: topic(kiosk, "status"),
        payload_on: "online",
        payload_off: "offline",
      },
      visits: sensor("Visits", "visits", { state_class: "total_increasing" }),
      results: sensor("Results a second", "resultsPerS", { state_class: "measurement" }),
      camera: sensor("Camera", "camera"),
      problem: sensor("Problem", "problem"),
      waiting: sensor("Sums waiting", "waiting", { state_class: "measurement", entity_category: "diagnostic" }),
      temperature: sensor("Temperature", "temperatureC", {
        ...{ device_class: "temperature", unit_of_measurement: "°C", state_class: "measurement" },
      }),
      version: sensor("Version", "version", { entity_category: "diagnostic" }),
    },
  };
}
