import { EmotionCam } from "../define.ts";

/** The element's words while counts are kept on the device: where, why, and a short form. */
const KEPT: Readonly<Record<string, readonly [where: string, why: string, brief: string]>> = {
  en: [
    "Processed on this device; counts are kept, no pictures",
    "The camera is used to find faces and to name the expression that each one appears to show. The picture stays on this device and is not stored. Counts of expressions and visits are kept.",
    "Names a face's apparent expression. Counts are kept, no pictures.",
  ],
  de: [
    "Auf diesem Gerät verarbeitet; Zählwerte werden aufbewahrt, keine Bilder",
    "Die Kamera dient dazu, Gesichter zu finden und zu benennen, welchen Ausdruck jedes zu zeigen scheint. Das Bild bleibt auf diesem Gerät und wird nicht gespeichert. Zählwerte der Ausdrücke und Besuche werden aufbewahrt.",
    "Nennt den scheinbaren Gesichtsausdruck. Zählwerte werden aufbewahrt, keine Bilder.",
  ],
  es: [
    "Se procesa en este dispositivo; se guardan recuentos, no imágenes",
    "La cámara se usa para encontrar caras y nombrar la expresión que cada una parece mostrar. La imagen no sale de este dispositivo ni se guarda. Se guardan recuentos de expresiones y visitas.",
    "Nombra la expresión aparente. Se guardan recuentos, no imágenes.",
  ],
  fr: [
    "Traité sur cet appareil ; des décomptes sont conservés, aucune image",
    "La caméra sert à trouver les visages et à nommer l’expression que chacun semble montrer. L’image reste sur cet appareil et n’est pas enregistrée. Des décomptes d’expressions et de visites sont conservés.",
    "Nomme l’expression apparente. Des décomptes sont conservés, aucune image.",
  ],
  it: [
    "Elaborato su questo dispositivo; si conservano conteggi, nessuna immagine",
    "La videocamera serve a trovare i volti e a dare un nome all’espressione che ciascuno sembra mostrare. L’immagine resta su questo dispositivo e non viene salvata. Si conservano conteggi di espressioni e visite.",
    "Nomina l’espressione apparente. Si conservano conteggi, nessuna immagine.",
  ],
  ja: [
    "この機器の中だけで処理し、数だけを保存します（映像は保存しません）",
    "カメラで顔を見つけ、どの表情に見えるかを表示します。映像はこの機器の中だけで処理され、保存されません。表情と来訪の数を保存します。",
    "表情の見え方を示します。数だけを保存し、映像は保存しません。",
  ],
  pt: [
    "Processado neste aparelho; guardam-se contagens, nenhuma imagem",
    "A câmera serve para encontrar rostos e dar nome à expressão que cada um parece mostrar. A imagem não sai deste aparelho e não é guardada. Guardam-se contagens de expressões e visitas.",
    "Nomeia a expressão aparente. Guardam-se contagens, nenhuma imagem.",
  ],
  "zh-Hans": [
    "仅在本设备上处理；只保存计数，不保存图像",
    "摄像头用于找到人脸，并说出看上去是哪种表情。画面只在本设备上处理，不存储。只保存表情和到访的计数。",
    "显示看上去的表情。只保存计数，不保存图像。",
  ],
};

/** Words that the notice adds where the counts go to the owner's fleet. */
const SENT: Readonly<Record<string, string>> = {
  en: "Processed on this device; only counts are kept and sent to its owner, no pictures",
  de: "Auf diesem Gerät verarbeitet; nur Zählwerte werden aufbewahrt und dem Betreiber gesendet, keine Bilder",
  es: "Se procesa en este dispositivo; solo se guardan recuentos y se envían al titular, no imágenes",
  fr: "Traité sur cet appareil ; seuls des décomptes sont conservés et envoyés à l’exploitant, aucune image",
  it: "Elaborato su questo dispositivo; solo conteggi sono conservati e inviati al gestore, nessuna immagine",
  ja: "この機器の中だけで処理し、数だけを保存して運営者に送信します（映像は送信しません）",
  pt: "Processado neste aparelho; só contagens são guardadas e enviadas ao responsável, nenhuma imagem",
  "zh-Hans": "仅在本设备上处理；只保存计数并发送给运营者，不含图像",
};

/**
 * Have every element say what is true while statistics are on.
 *
 * @param isSent Whether the counts leave the device for the owner's fleet.
 */
export function sayCountsAreKept(isSent: boolean): void {
  for (const [language, [where, why, brief]] of Object.entries(KEPT)) {
    const sent = SENT[language]!;
    const words = isSent
      ? { noticeWhere: sent, startWhy: `${why} ${sent}.`, startBrief: sent }
      : { noticeWhere: where, startWhy: why, startBrief: brief };
    EmotionCam.addLanguage(language, words);
  }
}
