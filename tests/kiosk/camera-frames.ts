import { readFileSync } from "node:fs";
export async function cameraFrames(_site: string): Promise<Buffer> {
  return readFileSync("/tmp/camera.mjpeg");
}
